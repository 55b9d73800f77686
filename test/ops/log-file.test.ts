/** The log's file: order, rotation, and a disk or a folder that does not take it. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLog } from '../../src/ops/log.ts';
import { LogFile } from '../../src/ops/log-file.ts';

const scratch = () => mkdtempSync(path.join(os.tmpdir(), 'rcptgate-log-'));
const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1);

describe('a log file', () => {
  it('keeps every line in order over renames', async () => {
    const file = path.join(scratch(), 'rcptgate.log');
    const log = openLog('info', null, file);
    const parts: string[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      for (let line = 0; line < 2000; line += 1) log.logger.info({ event: 'x', number: turn * 2000 + line });
      if (turn === 0) await expect.poll(() => linesOf(file).length).toBeGreaterThan(0);
      const part = `${file}.${turn}`;
      renameSync(file, part);
      parts.push(part);
      expect(log.reopen()).toBe(file);
      await expect.poll(() => existsSync(file)).toBe(true);
    }
    await log[Symbol.asyncDispose]();
    const numbers = [...parts, file].flatMap(linesOf).map((line) => JSON.parse(line).number);
    expect(numbers).toEqual([...Array(10_000).keys()]);
  });

  it('that cannot be opened says so once, and has every line when it can', async () => {
    const folder = path.join(scratch(), 'missing');
    const file = path.join(folder, 'rcptgate.log');
    const troubles: string[] = [];
    const log = new LogFile(file, { trouble: (error) => troubles.push(error), dropped: expect.unreachable });
    log.write('one\n');
    await expect.poll(() => troubles).toEqual([expect.stringContaining('ENOENT')]);
    expect(log.usable()).toBe(false);
    log.write('two\n');
    mkdirSync(folder);
    await expect.poll(() => log.usable(), { timeout: 5000 }).toBe(true);
    await log.close();
    expect(linesOf(file)).toEqual(['one', 'two']);
    expect(troubles).toHaveLength(1);
  });

  it('whose folder went away goes on in the file it has', async () => {
    const folder = path.join(scratch(), 'here');
    mkdirSync(folder);
    const file = path.join(folder, 'rcptgate.log');
    const log = new LogFile(file, { trouble: expect.unreachable, dropped: expect.unreachable });
    log.write('one\n');
    await log.flush();
    renameSync(folder, `${folder}-gone`);
    log.reopen();
    log.write('two\n');
    await log.close();
    expect(linesOf(path.join(`${folder}-gone`, 'rcptgate.log'))).toEqual(['one', 'two']);
    rmSync(`${folder}-gone`, { recursive: true });
  });

  it('on a full disk keeps what fits in memory and hands the rest back', async () => {
    const dropped: string[] = [];
    const troubles: string[] = [];
    const log = new LogFile('/dev/full', {
      trouble: (error) => troubles.push(error),
      dropped: (text) => dropped.push(text),
    });
    const block = `${'x'.repeat(1024 * 1024 - 1)}\n`;
    for (let count = 0; count < 40; count += 1) log.write(block);
    await expect.poll(() => troubles.length).toBe(1);
    expect(troubles[0]).toContain('ENOSPC');
    expect(dropped.length).toBe(8);
    await log.close();
  });
});
