/** The service extensions of a next hop (RFC 5321 section 4.1.1.1), and what may be offered on their strength. */

/** What a next hop said to EHLO. */
export interface Capabilities {
  /** Its SIZE limit in bytes (RFC 1870): 0 is no limit, null is no SIZE extension. */
  readonly size: number | null;
  readonly eightBitMime: boolean;
  readonly smtpUtf8: boolean;
  readonly pipelining: boolean;
  readonly startTls: boolean;
  readonly dsn: boolean;
  /** Attributes of XCLIENT and XFORWARD, which Postfix offers to hosts it trusts. */
  readonly xclient: readonly string[];
  readonly xforward: readonly string[];
}

/** What a listener offers to its clients. */
export interface Offer {
  readonly size: number;
  readonly eightBitMime: boolean;
  readonly smtpUtf8: boolean;
  readonly dsn: boolean;
}

/** A next hop that only understood HELO. */
export const NO_CAPABILITIES: Capabilities = {
  size: null,
  eightBitMime: false,
  smtpUtf8: false,
  pipelining: false,
  startTls: false,
  dsn: false,
  xclient: [],
  xforward: [],
};

/** Reads the lines of an EHLO reply; the first is the greeting. */
export function capabilitiesOf(lines: readonly string[]): Capabilities {
  const keywords = new Map(
    lines.slice(1).map((line) => {
      const [keyword = '', ...parameters] = line.trim().split(/ +/);
      return [keyword.toUpperCase(), parameters] as const;
    }),
  );
  const [size] = keywords.get('SIZE') ?? [];
  return {
    size: !keywords.has('SIZE') ? null : size !== undefined && /^\d{1,15}$/.test(size) ? Number(size) : 0,
    eightBitMime: keywords.has('8BITMIME'),
    smtpUtf8: keywords.has('SMTPUTF8'),
    pipelining: keywords.has('PIPELINING'),
    startTls: keywords.has('STARTTLS'),
    dsn: keywords.has('DSN'),
    xclient: keywords.get('XCLIENT') ?? [],
    xforward: keywords.get('XFORWARD') ?? [],
  };
}

/**
 * What every next hop can take. One that was never asked counts as able to: if it turns out not to be, the message
 * is deferred and the next EHLO tells the truth.
 */
export function offerFor(hops: ReadonlyArray<Capabilities | 'unknown'>, maxMessageSize: number): Offer {
  // Without a next hop there is nobody to send notifications.
  let offer: Offer = { size: maxMessageSize, eightBitMime: true, smtpUtf8: true, dsn: hops.length > 0 };
  for (const hop of hops) {
    if (hop === 'unknown') continue;
    offer = {
      size: hop.size ? Math.min(offer.size, hop.size) : offer.size,
      eightBitMime: offer.eightBitMime && hop.eightBitMime,
      smtpUtf8: offer.smtpUtf8 && hop.smtpUtf8,
      dsn: offer.dsn && hop.dsn,
    };
  }
  return offer;
}
