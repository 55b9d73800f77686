/** Rejections: list, top lists, chart, download. */
import { page } from '../site/page.tsx';
import type { Section, SectionParts } from '../site/section.ts';

const TITLE = { en: 'Rejections', ja: '拒否' };

/** The area of pages below `/rejections`. */
export function rejectionsSection(_parts: SectionParts): Section {
  return {
    path: '/rejections',
    title: TITLE,
    mount(app) {
      app.get('/', (context) => {
        const title = TITLE[context.get('visit').language];
        return page(context, { title, body: <p>…</p> });
      });
    },
  };
}
