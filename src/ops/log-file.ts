/**
 * The log's file: written in the order of the lines by one write at a time, opened again when asked. What cannot be written
 * (a full disk) waits up to a bound and is tried again, from the byte where it stopped.
 */
import { type FileHandle, open } from 'node:fs/promises';

/** What is told of the file. Neither may throw. */
export interface LogFileNews {
  /** Each new reason why it cannot be opened or written. */
  trouble(error: string): void;
  /** Text that found no room. */
  dropped(text: string): void;
}

/** Bytes that wait. */
const MOST_WAITING = 32 * 1024 * 1024;
/** Before another attempt after trouble, ms. */
const RETRY = 1000;
const MODE = 0o640;

/** A file that is appended to. Nothing it does is waited for, and nothing throws. */
export class LogFile {
  readonly #path: string;
  readonly #news: LogFileNews;
  #file: FileHandle | null = null;
  #waiting: Buffer[] = [];
  #length = 0;
  #stale = true;
  #again = false;
  #trouble: string | null = null;
  #retry: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;

  constructor(path: string, news: LogFileNews) {
    this.#path = path;
    this.#news = news;
    this.#start();
  }

  write(text: string): void {
    const bytes = Buffer.from(text);
    if (this.#length + bytes.length > MOST_WAITING) {
      this.#news.dropped(text);
      return;
    }
    this.#waiting.push(bytes);
    this.#length += bytes.length;
    if (this.#retry === null) this.#start();
  }

  /** Whether it is open, or nobody knows better yet. */
  usable(): boolean {
    return this.#file !== null || this.#trouble === null;
  }

  /** What is wrong with it; null when nothing is. */
  trouble(): string | null {
    return this.#trouble;
  }

  /** The next line goes into a file that is opened anew. */
  reopen(): void {
    this.#stale = true;
    this.#start();
  }

  /** Resolves once everything is written, or cannot be. */
  async flush(): Promise<void> {
    this.#start();
    await this.#running;
  }

  /** Flushes and closes. */
  async close(): Promise<void> {
    await this.flush();
    if (this.#retry) clearTimeout(this.#retry);
    await this.#file?.close();
  }

  #start(): void {
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = null;
    this.#running ??= this.#attempt();
  }

  async #attempt(): Promise<void> {
    try {
      while (this.#waiting.length > 0 || this.#stale) await this.#writeWaiting();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#trouble) this.#news.trouble(message);
      this.#trouble = message;
    }
    this.#running = null;
    this.#stale ||= this.#again;
    this.#again = false;
    if (this.#waiting.length === 0 && !this.#stale) return;
    this.#retry ??= setTimeout(() => this.#start(), RETRY);
    this.#retry.unref();
  }

  async #writeWaiting(): Promise<void> {
    const file = this.#stale || this.#file === null ? await this.#open() : this.#file;
    const bytes = Buffer.concat(this.#waiting.splice(0));
    let at = 0;
    try {
      while (at < bytes.length) at += (await file.write(bytes, at)).bytesWritten;
    } finally {
      this.#length -= at;
      if (at < bytes.length) this.#waiting.unshift(bytes.subarray(at));
    }
    this.#trouble = null;
  }

  async #open(): Promise<FileHandle> {
    this.#stale = false;
    try {
      const next = await open(this.#path, 'a', MODE);
      await this.#file?.close();
      this.#file = next;
    } catch (error) {
      // The one before goes on as long as there is one: a line in the wrong file is better than none.
      this.#again = true;
      if (this.#file === null) throw error;
    }
    return this.#file;
  }
}
