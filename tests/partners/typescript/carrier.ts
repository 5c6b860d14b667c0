// The partner's own system: parcels, each a file. Any database with a unique key does the same.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Parcel {
  number: string;
  order: string;
  /** Of the call that booked it. */
  key: string;
}

export class Carrier {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Book a parcel, once for a key: a second call with it is given the same parcel. */
  book(key: string, order: string): Parcel {
    const number = createHash('sha256').update(key).digest('hex').slice(0, 12);
    const parcel: Parcel = { number, order, key };
    try {
      writeFileSync(this.file(number), JSON.stringify(parcel), { flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    return JSON.parse(readFileSync(this.file(number), 'utf8')) as Parcel;
  }

  /** Cancel what was booked under a key, if anything was. Gives its number. */
  cancel(key: string): string | null {
    const number = createHash('sha256').update(key).digest('hex').slice(0, 12);
    if (existsSync(this.file(number))) renameSync(this.file(number), `${this.file(number)}.cancelled`);
    return existsSync(`${this.file(number)}.cancelled`) ? number : null;
  }

  /** The printer is slow: whether the order's label has come out. */
  isPrinted(order: string): boolean {
    return existsSync(join(this.folder, `${order}.label`));
  }

  private file(number: string): string {
    return join(this.folder, `${number}.parcel`);
  }
}
