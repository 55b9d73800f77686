/** The console from the daemon's side: its process, and what the control socket answers to it. */
import type { Claims } from './claims.ts';
import type { Config } from './config/config.ts';
import type { Acting } from './console/acting.ts';
import type { ConsoleFunctions } from './console/console-routes.ts';
import type { ConsoleNews } from './console/ipc.ts';
import { type ConsoleKeeper, keepConsole } from './console/keeper.ts';
import { OneTimeLinks } from './console/link.ts';
import { siteAddress } from './console/site/address.ts';
import { domainsOf } from './core/policy.ts';
import type { Events } from './ops/events.ts';
import type { Learning } from './sync/thread.ts';

type ConsoleEvents = Pick<
  Events,
  | 'consoleListen'
  | 'consoleTrouble'
  | 'consoleLink'
  | 'consoleSignIn'
  | 'consoleRefused'
  | 'consoleSignOut'
  | 'consoleAccess'
  | 'consoleFault'
>;

/** The login services that a form of the console may lead to: those of every cloud, because one can be chosen there. */
const LOGIN_ORIGINS = [
  'https://login.microsoftonline.com',
  'https://login.microsoftonline.us',
  'https://login.partner.microsoftonline.cn',
];

/** The process of the console; null when it is switched off. It is not started yet. */
export function consoleOf(
  config: Config,
  fd: Claims['console'],
  events: ConsoleEvents,
): GatewayConsole | null {
  const { enabled, inherited: _name, ...settings } = config.console;
  // Without its socket it stays away; that has been told.
  if (!enabled || fd === undefined) return null;
  let at = { host: settings.host, port: settings.port };
  const loginOrigins = new Set([
    ...LOGIN_ORIGINS,
    ...config.tenants.map(({ login }) => new URL(login).origin),
  ]);
  const start = {
    ...settings,
    fd,
    controlSocket: config.controlSocket,
    loginOrigins: [...loginOrigins],
  };
  const url = (): string => siteAddress(settings.publicUrl, at.host, at.port).publicUrl;
  const keeper = keepConsole(new URL('./console-process.js', import.meta.url), start, {
    listening(host, port) {
      at = { host, port };
      events.consoleListen(`${host.includes(':') ? `[${host}]` : host}:${port}`, url());
    },
    trouble: events.consoleTrouble,
    news: (news) => logNews(events, news),
  });
  return { ...keeper, url };
}

/** The console's process, and where people find it. */
export interface GatewayConsole extends ConsoleKeeper {
  url(): string;
}

function logNews(events: ConsoleEvents, news: ConsoleNews): void {
  if (news.news === 'sign-in') events.consoleSignIn(news);
  else if (news.news === 'refused') events.consoleRefused(news);
  else if (news.news === 'sign-out') events.consoleSignOut(news);
  else events.consoleFault(news.path, news.error);
}

/** What the control socket answers about the console. */
export function consoleFunctions(
  config: Config,
  keeper: GatewayConsole | null,
  learning: Learning,
  events: ConsoleEvents,
  now: () => number = Date.now,
): ConsoleFunctions {
  const links = new OneTimeLinks();
  return {
    async link(by: Acting) {
      if (!keeper) return { ok: false, problem: 'the console is switched off: enabled = false in [console]' };
      const trouble = keeper.trouble();
      if (trouble !== null) return { ok: false, problem: `the console cannot be reached: ${trouble}` };
      const { secret, until } = links.issue(now());
      events.consoleLink(by, until);
      return { ok: true, url: `${keeper.url()}/enter?link=${secret}`, until };
    },
    useLink: async (link) => ({ use: links.use(link, now()) }),
    async applications() {
      return (await learning.console('signInApplications', null)).map((application) => ({
        ...application,
        domains: domainsOf(config.policy, application.tenant),
      }));
    },
    redeem: (code) => learning.console('redeem', code),
    keys: (tenant) => learning.console('signingKeys', { tenant }),
    accounts: () => learning.console('accounts', null),
    async remember(account, by) {
      await learning.console('accountKeep', { ...account, since: now() });
      events.consoleAccess(by, account, account.role);
    },
    async forget(account, by) {
      await learning.console('accountForget', account);
      events.consoleAccess(by, account, null);
    },
  };
}
