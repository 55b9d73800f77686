/** Recipients: search, explanation, overrides, import. */
import { page } from '../site/page.tsx';
import type { Section, SectionParts } from '../site/section.ts';

const TITLE = { en: 'Recipients', ja: '受信者' };

/** The area of pages below `/recipients`. */
export function recipientsSection(_parts: SectionParts): Section {
  return {
    path: '/recipients',
    title: TITLE,
    mount(app) {
      app.get('/', (context) => {
        const title = TITLE[context.get('visit').language];
        return page(context, { title, body: <p>…</p> });
      });
    },
  };
}
