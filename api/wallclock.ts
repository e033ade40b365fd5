/** What the clock on the wall shows. `month` from 1, `weekday` 0 for Sunday. */
export interface WallTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  weekday: number;
}

export interface WallClock {
  /** @param at milliseconds. */
  read(at: number): WallTime;
  /**
   * When the wall shows that, in milliseconds; a day or month too many is one of the next month or year. A time
   * that comes twice is the first, and one that is left out an hour off, as Go's time.Date has it.
   */
  instant(wall: Pick<WallTime, 'year' | 'month' | 'day' | 'hour' | 'minute'>): number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** The clock of an IANA time zone. @throws RangeError for one that this runtime does not know. */
export function wallClock(timeZone: string): WallClock {
  const format = formatOf(timeZone);
  const showing = (at: number): number => {
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of format.formatToParts(at)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  };
  const offset = (at: number): number => showing(at) - at;
  return {
    read: (at) => {
      const date = new Date(showing(at));
      return {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
        second: date.getUTCSeconds(),
        weekday: date.getUTCDay(),
      };
    },
    instant: ({ year, month, day, hour, minute }) => {
      const wall = Date.UTC(year, month - 1, day, hour, minute);
      return wall - offset(wall - offset(wall));
    },
  };
}

/** Making one costs far more than using it, and there are few zones. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timeZone, format);
  }
  return format;
}
