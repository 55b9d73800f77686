/** Forms: the hidden CSRF field, and what a posted form held. */
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { Child } from 'hono/jsx';
import type { SiteEnv } from './section.ts';
import type { Visit } from './visit.ts';

/** Name of the hidden field that proves that a form is ours. */
export const CSRF_FIELD = 'csrf';

export interface FormProps {
  readonly visit: Visit;
  /** Absolute path of ours, such as `/recipients/override`. */
  readonly action: string;
  /** The form has a file in it. */
  readonly upload?: boolean;
  readonly class?: string;
  readonly children?: Child;
}

/** A form that is posted, with its hidden CSRF field. */
export function Form({ visit, action, upload, class: className, children }: FormProps) {
  return (
    <form
      method="post"
      action={action}
      {...(upload ? { enctype: 'multipart/form-data' } : {})}
      {...(className === undefined ? {} : { class: className })}
    >
      <input type="hidden" name={CSRF_FIELD} value={visit.csrf} />
      {children}
    </form>
  );
}

/** A posted file. */
export interface FormFile {
  /** As the browser names it; chosen by the visitor. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The fields of a posted form, each at most once. */
export interface FormFields {
  /** The trimmed text of a field; '' when the form has none of that name. */
  text(name: string): string;
  /** The text of a field as it was sent; '' when there is none. */
  raw(name: string): string;
  /** Whether a check box was set. */
  checked(name: string): boolean;
  /** null when no file was chosen. */
  file(name: string): Promise<FormFile | null>;
}

/**
 * The fields of the form that was posted.
 * @throws HTTPException 400 when a field is there twice.
 */
export async function formOf(context: Context<SiteEnv>): Promise<FormFields> {
  const form = context.get('form') ?? (await context.req.formData());
  for (const name of new Set(form.keys())) {
    if (form.getAll(name).length > 1) {
      throw new HTTPException(400, { message: `the form has the field "${name}" twice` });
    }
  }
  const raw = (name: string): string => {
    const value = form.get(name);
    return typeof value === 'string' ? value : '';
  };
  return {
    raw,
    text: (name) => raw(name).trim(),
    checked: (name) => form.has(name),
    async file(name) {
      const value = form.get(name);
      if (value === null || typeof value === 'string' || (value.size === 0 && value.name === '')) return null;
      return { name: value.name, bytes: new Uint8Array(await value.arrayBuffer()) };
    },
  };
}
