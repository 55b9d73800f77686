/** The frame of the console: what every page has, whoever and however it is asked. */
import { describe, expect, it } from 'vitest';
import { formOf } from '../../src/console/site/form.tsx';
import { done } from '../../src/console/site/notice.ts';
import { page } from '../../src/console/site/page.tsx';
import type { Section, SectionParts } from '../../src/console/site/section.ts';
import { ADMIN, adminOf, READER, siteRig } from './site.ts';

const AREAS = ['/status', '/recipients', '/rejections', '/guide', '/oauth', '/access'];

/** An area of the test's own. */
function sample(_parts: SectionParts): readonly Section[] {
  return [
    {
      path: '/sample',
      title: { en: 'Sample', ja: '見本' },
      uploads: { '/file': 1024 * 1024 },
      mountOpen(app) {
        app.get('/broken-for-all', () => {
          throw new Error('inner');
        });
        app.get('/open', (context) => context.text(context.get('arrival').visit ? 'signed in' : 'stranger'));
      },
      mount(app) {
        app.get('/', (context) => page(context, { title: 'Sample', body: context.get('visit').language }));
        app.get('/raw', () => new Response('raw'));
        app.get('/broken', () => {
          throw new Error('the daemon answered 500: "<no>"');
        });
        app.post('/change', async (context) => {
          const form = await formOf(context);
          return done(context, '/sample', { kind: 'done', text: `changed <${form.text('what')}>` });
        });
        app.post('/file', async (context) => {
          const file = await (await formOf(context)).file('list');
          return context.json({ name: file?.name, size: file?.bytes.length });
        });
      },
    },
  ];
}

describe('a page', () => {
  it.each(AREAS)('%s has language, heading, skip link and navigation', async (path) => {
    const rig = siteRig({ answers: {} });
    const html = await (await rig.get(path)).text();
    expect(html).toMatch(/^<!doctype html><html lang="en">/);
    expect(html.match(/<h1>/g)).toHaveLength(1);
    expect(html).toContain('href="#content"');
    expect(html).toContain('<main id="content"');
    for (const area of AREAS) expect(html).toContain(`<a href="${area}"`);
  });

  it('is in the language that the browser asks for, and stays in the one that was chosen', async () => {
    const rig = siteRig({ sections: sample });
    expect(await (await rig.get('/sample', { language: 'ja' })).text()).toContain('<html lang="ja">');
    const chosen = await rig.get('/language/ja?to=/sample');
    expect([chosen.status, chosen.headers.get('location')]).toEqual([303, '/sample']);
    expect(chosen.headers.get('set-cookie')).toMatch(/^rcptgate-language=ja;/);
  });

  it.each(['//evil.example', '/\\evil.example', 'https://evil.example', '/a\nb', ''])(
    'leads nobody elsewhere by %j',
    async (to) => {
      const answer = await siteRig().get(`/language/ja?to=${encodeURIComponent(to)}`);
      expect(answer.headers.get('location')).toBe('/');
    },
  );

  it('shows a notice once, with what is in it escaped', async () => {
    const rig = siteRig({ sections: sample });
    const posted = await rig.post('/sample/change', { what: 'this' });
    expect([posted.status, posted.headers.get('location')]).toEqual([303, '/sample']);
    expect(await (await rig.get('/sample')).text()).toContain('role="status">changed &lt;this&gt;</p>');
    expect(await (await rig.get('/sample')).text()).not.toContain('changed');
  });

  it('says what failed, escaped', async () => {
    const answer = await siteRig({ sections: sample }).get('/sample/broken');
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain('500: &quot;&lt;no&gt;&quot;');
  });

  it('tells the log what failed, and a stranger nothing', async () => {
    const rig = siteRig({ sections: sample, visitor: null });
    const answer = await rig.get('/sample/broken-for-all?secret=1');
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('inner');
    expect(rig.news).toEqual([{ news: 'fault', path: '/sample/broken-for-all', error: 'inner' }]);
  });
});

describe('the gate', () => {
  it('leads strangers to the sign-in, and shows them open pages', async () => {
    const rig = siteRig({ sections: sample, visitor: null });
    const answer = await rig.get('/sample');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/sign-in?to=%2Fsample']);
    expect(await (await rig.get('/sample/open')).text()).toBe('stranger');
    expect((await rig.post('/sample/change', { what: 'this' })).headers.get('location')).toBe('/sign-in');
  });

  it('lets readers see and not change', async () => {
    const rig = siteRig({ sections: sample, visitor: READER });
    expect((await rig.get('/sample')).status).toBe(200);
    expect((await rig.post('/sample/change', { what: 'this' })).status).toBe(403);
  });

  it('shows an area for admins to admins only', async () => {
    const reader = siteRig({ visitor: READER });
    expect((await reader.get('/access')).status).toBe(403);
    expect(await (await reader.get('/guide')).text()).not.toContain('href="/access"');
    expect((await siteRig({ visitor: adminOf('t') }).get('/access')).status).toBe(200);
  });

  it('ends the session at the sign-out', async () => {
    const rig = siteRig({ sections: sample, visitor: ADMIN });
    const left = await rig.post('/sign-out', {});
    expect([left.status, left.headers.get('location')]).toEqual([303, '/sign-in']);
    expect((await rig.get('/sample')).status).toBe(303);
  });
});

describe('a posted form', () => {
  it.each([
    ['a wrong CSRF field', { csrf: 'wrong' }, {}, 403],
    ['another origin', {}, { origin: 'https://evil.example' }, 403],
    ['the origin of a sandboxed frame', {}, { origin: 'null' }, 403],
    ['another site, by Sec-Fetch-Site', {}, { 'sec-fetch-site': 'cross-site' }, 403],
    ['a sibling site, by Sec-Fetch-Site', {}, { 'sec-fetch-site': 'same-site' }, 403],
    ['more than 64 KB', { what: 'x'.repeat(70_000) }, {}, 413],
  ])('with %s is refused', async (_name, fields, headers, status) => {
    const rig = siteRig({ sections: sample });
    const answer = await rig.post('/sample/change', fields as Record<string, string>, { headers });
    expect(answer.status).toBe(status);
    expect(await (await rig.get('/sample')).text()).not.toContain('changed');
  });

  it('with a field twice is refused', async () => {
    const rig = siteRig({ sections: sample });
    const twice = [
      ['what', 'a'],
      ['what', 'b'],
    ] as const;
    expect((await rig.post('/sample/change', twice)).status).toBe(400);
    expect((await rig.post('/sample/change', twice.slice(0, 1))).status).toBe(303);
  });

  it('takes a file where the area says so', async () => {
    const rig = siteRig({ sections: sample });
    const list = new File(['x'.repeat(200_000)], 'list.csv');
    expect(await (await rig.post('/sample/file', { list })).json()).toEqual({
      name: 'list.csv',
      size: 200_000,
    });
    const large = new File(['x'.repeat(2_000_000)], 'list.csv');
    expect((await rig.post('/sample/file', { list: large })).status).toBe(413);
  });
});

describe('every answer', () => {
  it.each(['/sample', '/sample/raw', '/sample/broken', '/nowhere', '/assets/site.css', '/sample/open'])(
    '%s has the security headers',
    async (path) => {
      const { headers } = await siteRig({ sections: sample }).get(path);
      expect(headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self';");
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('same-origin');
      expect(headers.get('cache-control')).toBe(path.startsWith('/assets') ? 'no-cache' : 'no-store');
    },
  );

  it.each([
    ['evil.example', 421],
    ['localhost', 421],
    ['127.0.0.1:8025', 200],
    ['LOCALHOST:8025', 200],
  ])('is for the host %s: %i', async (host, status) => {
    const answer = await siteRig({ sections: sample }).get('/sample', { headers: { host } });
    expect(answer.status).toBe(status);
  });
});
