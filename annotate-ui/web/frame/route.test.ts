import { addressOf, type Route, routeOf, secretIn } from './route.ts';

describe('routes', () => {
  test.each<Route>([
    { view: 'work' },
    { view: 'lead', section: 'agreement', itemId: null },
    { view: 'lead', section: 'disputes', itemId: 'item-1/2' },
    { view: 'admin', section: 'audit' },
  ])('%o has an address that leads back to it', (route) => {
    expect(routeOf(addressOf(route))).toEqual(route);
  });

  test('what is unknown leads to the first section, or to the work', () => {
    expect(routeOf('#/lead/nowhere')).toEqual({ view: 'lead', section: 'overview', itemId: null });
    expect(routeOf('#/admin')).toEqual({ view: 'admin', section: 'people' });
    expect(routeOf('')).toEqual({ view: 'work' });
    expect(routeOf('#token=a:b')).toEqual({ view: 'work' });
  });

  test('secrets are read from links, and nothing else is one', () => {
    expect(secretIn('#token=ann-1:abc')).toEqual({ kind: 'token', secret: 'ann-1:abc' });
    expect(secretIn('#invite=xyz')).toEqual({ kind: 'invite', secret: 'xyz' });
    expect(secretIn('#invite=')).toBeNull();
    expect(secretIn('#/lead')).toBeNull();
  });
});
