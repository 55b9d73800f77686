/** Who may enter the console. */
import { page } from '../site/page.tsx';
import type { Section, SectionParts } from '../site/section.ts';

const TITLE = { en: 'Access', ja: 'アクセス' };

/** The area of pages below `/access`. */
export function accessSection(_parts: SectionParts): Section {
  return {
    path: '/access',
    title: TITLE,
    adminOnly: true,
    mount(app) {
      app.get('/', (context) => {
        const title = TITLE[context.get('visit').language];
        return page(context, { title, body: <p>…</p> });
      });
    },
  };
}
