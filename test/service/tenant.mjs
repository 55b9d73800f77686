/** A practice tenant and next hop for a container's network; prints what its configuration needs, and runs until its input ends. */
import { startPracticeNextHop } from '../../dist/practice/next-hop.js';
import { startPracticeTenant } from '../../dist/practice/tenant-server.js';

const { tenantId, applicationId, secret, caPem, login, graph } = await startPracticeTenant();
const { port } = await startPracticeNextHop();
process.stdout.write(
  `${JSON.stringify({ tenantId, applicationId, secret, caPem, login, graph, nextHop: port })}\n`,
);
process.stdin.resume().on('end', () => process.exit(0));
