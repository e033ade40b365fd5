import { isUtf8 } from 'node:buffer';
import type { SchemaElement } from 'hyparquet';
import { Fault } from '../../../fault.ts';

/** The text of a value, as the file holds it: a number, a boolean, a bigint or bytes. */
export type TextOf = (value: unknown) => string;

/**
 * How values of a column become text; undefined where they are no text and nothing that could be
 * written as such. Dates and times are ISO 8601 in UTC, decimals have all their digits.
 */
export function textOfColumn(element: SchemaElement): TextOf | undefined {
  const { type, converted_type, logical_type, scale = 0 } = element;
  const meaning = logical_type?.type;
  if (meaning === 'DECIMAL' || converted_type === 'DECIMAL') {
    const digits = logical_type?.type === 'DECIMAL' ? logical_type.scale : scale;
    if (type === 'FLOAT' || type === 'DOUBLE' || type === 'BOOLEAN' || type === 'INT96') return undefined;
    return (value) =>
      decimal(value instanceof Uint8Array ? integerOf(value) : BigInt(value as number), digits);
  }
  if (type === 'BYTE_ARRAY')
    return isTextual(element) ? (value) => textOfBytes(value as Uint8Array) : undefined;
  if (type === 'BOOLEAN') return String;
  if (type === 'INT32' || type === 'INT64') return textOfInteger(element);
  if (type === 'FLOAT' || type === 'DOUBLE') return (value) => (Number.isNaN(value) ? '' : String(value));
  if (type === 'INT96') return (value) => moment(nanosecondsOf(value as bigint), 1_000_000n);
  return meaning === 'UUID' ? (value) => uuid(value as Uint8Array) : undefined;
}

/** Old writers put text into plain bytes; whether it is, its bytes tell. */
function isTextual({ converted_type, logical_type }: SchemaElement): boolean {
  const converted = ['UTF8', 'ENUM', 'JSON', undefined].includes(converted_type);
  return converted && ['STRING', 'ENUM', 'JSON', undefined].includes(logical_type?.type);
}

/** @throws Fault FieldNotText where the bytes are no UTF-8. */
export function textOfBytes(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = buffer.toString('utf8', start, end);
  // The character that stands for bytes that are none; a text may hold it too.
  if (text.includes('\ufffd') && !isUtf8(buffer.subarray(start, end))) throw new Fault('FieldNotText');
  return text;
}

const unitsInMs = { MILLIS: 1n, MICROS: 1_000n, NANOS: 1_000_000n } as const;

function textOfInteger({ type, converted_type, logical_type }: SchemaElement): TextOf | undefined {
  if (logical_type?.type === 'TIME' || converted_type?.startsWith('TIME_')) return undefined;
  if (logical_type?.type === 'DATE' || converted_type === 'DATE') {
    return (value) => moment(BigInt(value as number) * 86_400_000n, 1n).slice(0, 'YYYY-MM-DD'.length);
  }
  if (logical_type?.type === 'TIMESTAMP') {
    const unit = unitsInMs[logical_type.unit];
    return (value) => moment(BigInt(value as bigint), unit);
  }
  if (converted_type === 'TIMESTAMP_MILLIS') return (value) => moment(BigInt(value as bigint), 1n);
  if (converted_type === 'TIMESTAMP_MICROS') return (value) => moment(BigInt(value as bigint), 1_000n);
  const isUnsigned =
    logical_type?.type === 'INTEGER' ? !logical_type.isSigned : converted_type?.startsWith('UINT');
  if (!isUnsigned) return String;
  return type === 'INT32'
    ? (value) => String((value as number) >>> 0)
    : (value) => String(BigInt.asUintN(64, value as bigint));
}

/** Of a number of units since the epoch; of a time that no calendar here knows, the number. */
function moment(units: bigint, unitsPerMs: bigint): string {
  const date = new Date(Number(units / unitsPerMs));
  return Number.isNaN(date.getTime()) ? String(units) : date.toISOString();
}

/** Of the Julian day, in the upper 32 of 96 bits, and the nanoseconds of the day. */
function nanosecondsOf(value: bigint): bigint {
  const epoch = 2_440_588n;
  return ((value >> 64n) - epoch) * 86_400_000_000_000n + BigInt.asUintN(64, value);
}

/** Two's complement, its highest byte first. */
function integerOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = value * 256n + BigInt(byte);
  return BigInt.asIntN(8 * bytes.length, value);
}

function decimal(unscaled: bigint, scale: number): string {
  if (scale <= 0) return String(unscaled);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function uuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
