/** A wide table on a narrow screen: it scrolls by itself, with the keyboard too (WCAG 2.1.1). */
import type { Child } from 'hono/jsx';

/** `label` names the region for a screen reader; unique on its page. */
export function Scroll({ label, children }: { readonly label: string; readonly children?: Child }) {
  return (
    <section class="scroll" tabindex={0} aria-label={label}>
      {children}
    </section>
  );
}
