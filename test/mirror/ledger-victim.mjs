/** A process that kills itself while it writes its second batch: `node ledger-victim.mjs FILE LEDGER-MODULE ANSWERED-MODULE`. */
const [path, ledgerModule, answeredModule] = process.argv.slice(2);
const { openLedger } = await import(ledgerModule);
const { packAnswered } = await import(answeredModule);

const ledger = openLedger(path, { keep: 1e12, keepRows: 1000, keepHistory: 1e12, repeatWithin: 1 });
const values = (rcpt) => {
  const packed = [];
  const answered = { at: Date.UTC(2026, 10, 22), ref: null, kind: 'recipient', code: 550, reason: 'unknown' };
  const who = {
    client: 'c',
    realClient: 'c',
    helo: null,
    tls: null,
    mailFrom: '',
    rcpt,
    address: rcpt,
    session: 's',
  };
  packAnswered(
    packed,
    { ...answered, ...who, domain: null, tenant: null, directoryAge: null, source: 'relay', detail: null },
    null,
  );
  return packed;
};
ledger.record({ run: 'r', id: 1, values: values('written@contoso.example'), answers: 1, counts: [] });
ledger.record({
  run: 'r',
  id: 2,
  values: values('lost@contoso.example'),
  answers: 1,
  // Counts are read after the rows were written and before the transaction ends.
  get counts() {
    process.kill(process.pid, 'SIGKILL');
    return [];
  },
});
