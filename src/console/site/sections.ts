/** Every area of the console, in the order of the navigation. */
import { accessSection } from '../access/section.tsx';
import { guideSection } from '../guide/section.tsx';
import { oauthSection } from '../oauth/section.tsx';
import { recipientsSection } from '../recipients/section.tsx';
import { rejectionsSection } from '../rejections/section.tsx';
import { statusSection } from '../status/section.tsx';
import type { Section, SectionParts } from './section.ts';

/** The areas over what they work with. */
export function sectionsOf(parts: SectionParts): readonly Section[] {
  return [
    statusSection(parts),
    recipientsSection(parts),
    rejectionsSection(parts),
    guideSection(parts),
    oauthSection(parts),
    accessSection(parts),
  ];
}
