/**
 * Reads the test report and says `N passed, N failed` in its last line: .ci/count.mjs REPORT CHECK=STATUS…
 *
 * A test that was left out is a failed one here, as is a file that could not be read, and every other check with a
 * status other than 0: so "0 failed" means that all of it ran and is well.
 */
import { existsSync, readFileSync } from 'node:fs';

const [file = '', ...checks] = process.argv.slice(2);
const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
/** @type {string[]} */
const problems = [];
let passed = 0;

for (const { name, message, assertionResults } of report?.testResults ?? []) {
  for (const { status, fullName } of assertionResults) {
    if (status === 'passed') passed++;
    else problems.push(`${status === 'failed' ? 'failed' : `left out (${status})`}: ${fullName} in ${name}`);
  }
  if (assertionResults.length === 0) problems.push(`without tests: ${name} ${message}`);
}
if (passed === 0) problems.push('no test ran');
for (const check of checks) {
  const [name, status] = check.split('=');
  // What npm test has to say is in its report, unless that says all is well.
  if (status === '0' || (name === 'npm test' && problems.length > 0)) continue;
  problems.push(`${name} ended with ${status}`);
}

for (const problem of problems) process.stdout.write(`${problem}\n`);
process.stdout.write(`${passed} passed, ${problems.length} failed\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
