/** Types of man-pages.mjs, which is JavaScript because Node.js 20 runs no TypeScript. */
interface Command {
  readonly usage: string;
  readonly summary: string;
  readonly help: string;
}
export function commandPage(commands: Readonly<Record<string, Command>>, version: string, date: Date): string;
export function configPage(toml: string, version: string, date: Date): string;
export function writeManPages(folder: string, version: string, date: Date): Promise<void>;
