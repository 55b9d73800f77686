/** A Postfix that sends everything through the gateway, and takes what comes back to its own senders. */
import { type Postfix, startPostfix } from './postfix.ts';

/** Starts one before the gateway on this port; mail to sender.example lands in its mailbox. */
export function startUpstream(gatewayPort: number): Promise<Postfix> {
  return startPostfix({
    hostname: 'upstream.example',
    mailboxFor: ['sender.example'],
    main: { relayhost: `[127.0.0.1]:${gatewayPort}` },
  });
}
