/** The configuration as it took effect, for people. */
import type { Config } from './config.ts';

/** As plain JSON. It holds no secret but a proxy's password, which goes. */
export function effective(config: Config): unknown {
  const proxy = config.proxy?.replace(/\/\/[^/@]*@/, '//***@') ?? null;
  const policy = { ...config.policy, domains: [...config.policy.domains.values()] };
  return { ...config, proxy, policy };
}
