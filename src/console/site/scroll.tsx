/** A wide table on a narrow screen: it scrolls by itself, with the keyboard too (WCAG 2.1.1). */
import type { Child } from 'hono/jsx';

/** `label` names the group for a screen reader. */
export function Scroll({ label, children }: { readonly label: string; readonly children?: Child }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms, and a section would be one more landmark.
    <div class="scroll" tabindex={0} role="group" aria-label={label}>
      {children}
    </div>
  );
}
