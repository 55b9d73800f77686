/**
 * A process that sends the sockets it was started with (descriptor 4 and on; 3 is the channel) back to its parent, each so
 * many times: `node descriptor-child.js SOCKETS COPIES`. Sending a descriptor duplicates it.
 */
import net from 'node:net';

type CreateHandle = (address: null, port: 0, family: 4, fd: number) => unknown;
const createHandle = (net as unknown as { _createServerHandle: CreateHandle })._createServerHandle;

const FIRST = 4;
const [sockets = 0, copies = 0] = process.argv.slice(2).map(Number);

// Nobody listens to the channel here, so it would not keep the process alive.
process.channel?.ref();

for (let index = 0; index < sockets; index += 1) {
  const handle = createHandle(null, 0, 4, FIRST + index);
  for (let copy = 0; copy < copies; copy += 1) {
    await new Promise<void>((resolve, reject) => {
      const send = process.send?.bind(process) as (
        message: number,
        handle: unknown,
        options: object,
        done: (error: Error | null) => void,
      ) => boolean;
      send(index, handle, { keepOpen: true }, (error) => (error ? reject(error) : resolve()));
    });
  }
}
process.disconnect?.();
