/** The OAuth settings of each tenant: application, credential, consent. */
import { page } from '../site/page.tsx';
import type { Section, SectionParts } from '../site/section.ts';

const TITLE = { en: 'OAuth settings', ja: 'OAuth 設定' };

/** The area of pages below `/oauth`. */
export function oauthSection(_parts: SectionParts): Section {
  return {
    path: '/oauth',
    title: TITLE,
    mount(app) {
      app.get('/', (context) => {
        const title = TITLE[context.get('visit').language];
        return page(context, { title, body: <p>…</p> });
      });
    },
  };
}
