/** Reads an uploaded export in slices, one upload at a time, so that the other pages go on meanwhile. */
import { ExchangeExportReader, type ReadExport } from '../../core/exchange-export.ts';

/** Largest upload, bytes: some hundred thousand recipients. Larger ones go through `rcptgate import`. */
export const LARGEST_UPLOAD = 64 * 1024 * 1024;

const SLICE = 512 * 1024;

/** Reads an export; null while another one is being read. */
export type ReadUpload = (bytes: Uint8Array) => Promise<ReadExport | null>;

/** A reader that takes one upload at a time. */
export function openUploads(): ReadUpload {
  let busy = false;
  return async (bytes) => {
    if (busy) return null;
    busy = true;
    try {
      const reader = new ExchangeExportReader();
      for (let from = 0; from < bytes.length; from += SLICE) {
        reader.push(bytes.subarray(from, from + SLICE));
        await new Promise((resolve) => setImmediate(resolve));
      }
      return reader.end();
    } finally {
      busy = false;
    }
  };
}
