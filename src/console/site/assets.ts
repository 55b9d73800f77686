/** The files in assets/: style sheets, scripts, icons. They are few and small, so they are read once. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Hono } from 'hono';
import type { OpenEnv } from './section.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Adds a route for each file of a folder. */
export function assetRoutes(app: Hono<OpenEnv>, folder: URL): void {
  for (const name of readdirSync(folder)) {
    const type = TYPES[path.extname(name)];
    if (type === undefined) continue;
    const content = readFileSync(new URL(name, folder));
    const etag = `"${createHash('sha256').update(content).digest('base64url')}"`;
    app.get(`/assets/${name}`, (context) => {
      const headers = { 'content-type': type, etag, 'cache-control': 'no-cache' };
      if (context.req.header('if-none-match') === etag) return context.body(null, 304, headers);
      return context.body(new Uint8Array(content), 200, headers);
    });
  }
}
