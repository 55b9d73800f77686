/** Reads an uploaded export in slices, one upload at a time, so that the other pages go on meanwhile. */
import { ExchangeExportReader, type ReadExport } from '../../core/exchange-export.ts';

/** Largest upload, bytes, and most addresses: this process has little memory. More go through `rcptgate import`. */
export const LARGEST_UPLOAD = 32 * 1024 * 1024;
export const MOST_ADDRESSES = 300_000;

const SLICE = 512 * 1024;

/** Reads an export; `busy` while another one is being read. */
export type ReadUpload = (bytes: Uint8Array) => Promise<ReadExport | 'busy' | 'too-many'>;

/** A reader that takes one upload at a time, with at most so many addresses. */
export function openUploads(most = MOST_ADDRESSES): ReadUpload {
  let busy = false;
  return async (bytes) => {
    if (busy) return 'busy';
    busy = true;
    try {
      const reader = new ExchangeExportReader();
      for (let from = 0; from < bytes.length; from += SLICE) {
        reader.push(bytes.subarray(from, from + SLICE));
        if (reader.size > most) return 'too-many';
        await new Promise((resolve) => setImmediate(resolve));
      }
      return reader.end();
    } finally {
      busy = false;
    }
  };
}
