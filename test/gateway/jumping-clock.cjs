// Loaded into a daemon by NODE_OPTIONS: its wall clock, in every thread, is off by as many ms as the file JUMPING_CLOCK says.
// Steady clocks (performance.now, timers) are right, as they are when somebody sets the clock of a machine.
const { readFileSync } = require('node:fs');

const RealDate = Date;
const file = process.env.JUMPING_CLOCK;
let offset = 0;
let readAt = -Infinity;

function now() {
  if (performance.now() - readAt > 20) {
    offset = Number(readFileSync(file, 'utf8'));
    readAt = performance.now();
  }
  return RealDate.now() + offset;
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, self) => Reflect.construct(target, args.length > 0 ? args : [now()], self),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});
