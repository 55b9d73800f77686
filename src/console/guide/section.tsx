/** The set-up guide: registering the application in Microsoft Entra, step by step. */
import { page } from '../site/page.tsx';
import type { Section, SectionParts } from '../site/section.ts';

const TITLE = { en: 'Set-up guide', ja: 'セットアップ ガイド' };

/** The area of pages below `/guide`. */
export function guideSection(_parts: SectionParts): Section {
  return {
    path: '/guide',
    title: TITLE,
    mount(app) {
      app.get('/', (context) => {
        const title = TITLE[context.get('visit').language];
        return page(context, { title, body: <p>…</p> });
      });
    },
  };
}
