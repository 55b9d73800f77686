/** Which rejections were regrettable: the recipient was unknown then, and the directory has it now. */
import { decideText } from './decide.ts';
import type { Directory } from './directory.ts';
import type { Policy } from './policy.ts';

/** What regrets are judged by; overrides and imports are the operator's own word, and no finding of the directory. */
export type RegretPolicy = Pick<Policy, 'domains'>;

/** Whether `RCPT TO` of an address that was rejected as unknown would be answered from the directory now. */
export function isRegret(address: string, directory: Directory, { domains }: RegretPolicy): boolean {
  const policy = { domains, overrides: [], freshnessLimit: 0, gracePeriod: 0 };
  const { reason } = decideText(address, directory, policy, 0);
  return reason === 'known' || reason === 'subaddress';
}
