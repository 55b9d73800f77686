/** The status of the gateway and its tenants. */
import { page } from '../site/page.tsx';
import type { Section, SectionParts } from '../site/section.ts';

const TITLE = { en: 'Status', ja: '状態' };

/** The area of pages below `/status`. */
export function statusSection(_parts: SectionParts): Section {
  return {
    path: '/status',
    title: TITLE,
    mount(app) {
      app.get('/', (context) => {
        const title = TITLE[context.get('visit').language];
        return page(context, { title, body: <p>…</p> });
      });
    },
  };
}
