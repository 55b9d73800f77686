/** Where a tenant signs in: the configuration's word, unless it has none and a cloud was chosen in the console. */
import { expect, it } from 'vitest';
import { CLOUDS, isCloud } from '../../src/core/cloud.ts';
import { endpointsOf } from '../../src/sign-in.ts';

const tenant = { id: 't', applicationId: null, credential: null, login: 'https://l', graph: 'https://g' };

it.each([
  ['nothing chosen', false, null, 'https://l'],
  ['a cloud chosen', false, 'china', CLOUDS.china.login],
  ['the configuration says which', true, 'china', 'https://l'],
] as const)('%s', (_name, cloudFixed, cloud, login) => {
  expect(endpointsOf({ ...tenant, cloudFixed }, { cloud }).login).toBe(login);
  expect(endpointsOf({ ...tenant, cloudFixed }, null).login).toBe('https://l');
});

it('a cloud is one of four names', () => {
  expect([isCloud('usgov'), isCloud('toString'), isCloud(null)]).toEqual([true, false, false]);
});
