/**
 * The practice tenant of bench-directory, in a process of its own: `node bench-directory-tenant.mjs USERS`, forked, with
 * questions and answers over the channel. It runs at a low priority, because Microsoft's machines are not this one.
 */
import os from 'node:os';
import { startPracticeTenant } from '../dist/practice/tenant-server.js';

os.setPriority(0, 10);
const tenant = await startPracticeTenant({ users: Number(process.argv[2]) });
const { directory, switches, tenantId, applicationId, secret, caPem, login, graph } = tenant;
const some = (count) => {
  const users = [];
  for (const user of directory.live('users')) {
    if (user.fields.mail?.endsWith('@contoso.example')) users.push(user);
    if (users.length >= count) break;
  }
  return users;
};
const answers = {
  addresses: () => some(5000).map(({ fields }) => fields.mail),
  changes: ({ count }) => {
    for (const [index, { id }] of some(count).entries()) {
      directory.addAlias(id, `alias${index}.bench@contoso.example`);
    }
    return count;
  },
  expiry: () => {
    switches.expireDeltaTokens();
    return true;
  },
};
process.on('message', (question) => process.send(answers[question.want](question)));
process.on('disconnect', () => process.exit());
process.send({ tenantId, applicationId, secret, caPem, login, graph });
