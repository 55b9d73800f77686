/** The guide's permissions and the practice tenant's were written down apart; an id that one of them has wrong differs. */
import { expect, it } from 'vitest';
import { GRAPH_APPLICATION, PERMISSIONS } from '../../src/core/permissions.ts';
import { applicationPermissions, GRAPH_APP_ID, permissionOf } from '../../src/practice/permission-ids.ts';

it.each(PERMISSIONS.map(({ name, id, type }) => [name, id, type] as const))(
  '%s has id %s',
  (name, id, type) => {
    expect(permissionOf({ id, type: type === 'application' ? 'Role' : 'Scope' })?.value).toBe(name);
    expect(permissionOf({ id, type: type === 'application' ? 'Scope' : 'Role' })).toBeNull();
  },
);

it('knows one Microsoft Graph', () => {
  expect(GRAPH_APP_ID).toBe(GRAPH_APPLICATION);
  expect(() => applicationPermissions('Everything.All')).toThrow(RangeError);
});
