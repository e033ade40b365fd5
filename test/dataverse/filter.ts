import type { Behaviour, Column, FilterFunction } from './options.ts';
import type { Restriction, Value } from './people.ts';
import { badRequest, notPlayed, unknownColumn } from './problem.ts';
import { propertyName } from './tables.ts';

type Cells = { value(column: string): Value };

export type Filter = {
  test(row: Cells): boolean;
  /** What follows from it for the customer id. */
  restriction: Restriction;
  /** The filter with its values left out. */
  shape: string;
};

/** What a filter is about: a table, or the list of a table's columns. */
export type Filtered = { logicalName: string; columns: Column[] };

const guid = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/iy;
const quoted = /'((?:[^']|'')*)'/y;
const bracketed = /\[(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^"'\]])*\]/y;
const word = /[A-Za-z_@][\w.@]*/y;
const figure = /-?\d[\w:.+-]*/y;
const operators = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'];
const functions: FilterFunction[] = ['contains', 'startswith', 'endswith'];

function syntaxError(where: number): Error {
  return badRequest(
    `There is a syntax error at position ${where} of the filter.`,
    'the $filter cannot be parsed',
  );
}

/** Reads a $filter: and, or, not, comparisons, contains, startswith, endswith, and Microsoft.Dynamics.CRM.In. */
class Parser {
  readonly #text: string;
  readonly #aliases: URLSearchParams;
  readonly #filtered: Filtered;
  readonly #behaviour: Behaviour;
  #at = 0;

  constructor(text: string, aliases: URLSearchParams, filtered: Filtered, behaviour: Behaviour) {
    this.#text = text;
    this.#aliases = aliases;
    this.#filtered = filtered;
    this.#behaviour = behaviour;
  }

  read(): Filter {
    const filter = this.#or();
    this.#skip();
    if (this.#at < this.#text.length) throw syntaxError(this.#at);
    return filter;
  }

  #skip(): void {
    while (this.#text[this.#at] === ' ') this.#at += 1;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    this.#skip();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }

  /** Takes the word when it comes next. */
  #takes(expected: string): boolean {
    const before = this.#at;
    const isWord = /\w/.test(expected);
    this.#skip();
    if (isWord ? this.#match(word)?.[0] === expected : this.#text[this.#at] === expected) {
      if (!isWord) this.#at += 1;
      return true;
    }
    this.#at = before;
    return false;
  }

  #expect(expected: string): void {
    if (!this.#takes(expected)) throw syntaxError(this.#at);
  }

  #or(): Filter {
    let left = this.#and();
    while (this.#takes('or')) {
      const [first, second] = [left, this.#and()];
      const shape = `(${first.shape} or ${second.shape})`;
      left = { test: (row) => first.test(row) || second.test(row), restriction: {}, shape };
    }
    return left;
  }

  #and(): Filter {
    let left = this.#not();
    while (this.#takes('and')) {
      const [first, second] = [left, this.#not()];
      left = {
        test: (row) => first.test(row) && second.test(row),
        restriction: { ...second.restriction, ...first.restriction },
        shape: `${first.shape} and ${second.shape}`,
      };
    }
    return left;
  }

  #not(): Filter {
    if (this.#takes('not')) {
      const inner = this.#not();
      return { test: (row) => !inner.test(row), restriction: {}, shape: `not ${inner.shape}` };
    }
    if (!this.#takes('(')) return this.#condition();
    const inner = this.#or();
    this.#expect(')');
    return inner;
  }

  #condition(): Filter {
    const name = this.#match(word)?.[0];
    if (name === undefined) throw syntaxError(this.#at);
    if (this.#takes('(')) {
      if (name.startsWith('Microsoft.Dynamics.CRM.')) return this.#queryFunction(name.slice(23));
      return this.#textFunction(name as FilterFunction);
    }
    const operator = this.#match(word)?.[0] ?? '';
    if (!operators.includes(operator)) throw syntaxError(this.#at);
    return this.#comparison(this.#column(name), operator, this.#literal());
  }

  #column(name: string): Column {
    const { columns, logicalName } = this.#filtered;
    const column = columns.find((candidate) => propertyName(candidate) === name);
    if (column === undefined) throw unknownColumn(name, logicalName);
    return column;
  }

  #literal(): Value {
    const text = this.#match(quoted)?.[1];
    if (text !== undefined) return text.replaceAll("''", "'");
    const other = (this.#match(guid) ?? this.#match(figure) ?? this.#match(word))?.[0];
    if (other === undefined) throw syntaxError(this.#at);
    if (other === 'null') return null;
    if (other === 'true' || other === 'false') return other === 'true';
    if (other.startsWith('@')) {
      const aliased = /^'((?:[^']|'')*)'$/.exec(this.#aliases.get(other) ?? '')?.[1];
      if (aliased === undefined) throw syntaxError(this.#at);
      return aliased.replaceAll("''", "'");
    }
    if (/^-?\d+(\.\d+)?$/.test(other)) return Number(other);
    if (/^[-\d]|^[\da-f]{8}-/i.test(other)) return other;
    throw syntaxError(this.#at);
  }

  #fold(text: string): string {
    return this.#behaviour.caseSensitive ? text : text.toLowerCase();
  }

  #comparison(column: Column, operator: string, literal: Value): Filter {
    const name = propertyName(column);
    const isTime = column.type === 'DateTime';
    const plain = (value: Value) => {
      if (typeof value !== 'string') return value;
      return isTime ? Date.parse(value) : this.#fold(value);
    };
    const right = plain(literal);
    const test = ({ value }: Cells): boolean => {
      const left = plain(value(name));
      if (operator === 'eq') return left === right;
      if (operator === 'ne') return left !== right;
      if (left === null || right === null || typeof left !== typeof right) return false;
      if (operator === 'gt') return left > right;
      if (operator === 'ge') return left >= right;
      return operator === 'lt' ? left < right : left <= right;
    };
    const isId = name === 'msdynci_customerid' && operator === 'eq' && typeof literal === 'string';
    return {
      test,
      restriction: isId ? { ids: [literal.toLowerCase()] } : {},
      shape: `${name} ${operator} _`,
    };
  }

  #textFunction(name: FilterFunction): Filter {
    if (!functions.includes(name)) {
      throw badRequest(
        'An unknown function was found in the filter.',
        'the $filter calls a function that is not known',
      );
    }
    const column = propertyName(this.#column(this.#match(word)?.[0] ?? ''));
    this.#expect(',');
    const literal = this.#literal();
    this.#expect(')');
    if (typeof literal !== 'string') throw syntaxError(this.#at);
    this.#refuseUnsupported(name);
    const shape = `${name}(${column},_)`;
    const sought = column === 'msdynci_segments' ? this.#unescaped(literal) : literal;
    if (sought === undefined) return { test: () => false, restriction: {}, shape };
    const matches = this.#textTest(name, sought);
    const isPrefix = name === 'startswith' && column === 'msdynci_customerid' && !/[%_[]/.test(sought);
    return {
      test: (row) => {
        const cell = row.value(column);
        return typeof cell === 'string' && matches(cell);
      },
      restriction: isPrefix ? { prefix: sought.toLowerCase() } : {},
      shape,
    };
  }

  /** The quotes around a segment's name as this server understands them; undefined where it finds nothing. */
  #unescaped(literal: string): string | undefined {
    const { segmentQuotes, otherQuotes } = this.#behaviour;
    if (!literal.includes('"')) return literal;
    const written = literal.includes('\\"') ? 'escaped' : 'plain';
    if (segmentQuotes === 'either' || segmentQuotes === written) return literal.replaceAll('\\"', '"');
    if (otherQuotes === 'nothing') return undefined;
    throw badRequest('The filter holds a character that is not allowed.');
  }

  #textTest(name: FilterFunction, sought: string): (text: string) => boolean {
    const body = this.#behaviour.wildcards
      ? wildcardPattern(sought)
      : sought.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    const start = name === 'startswith' ? '^' : '';
    const end = name === 'endswith' ? '$' : '';
    const pattern = patternOf(start + body + end, this.#behaviour.caseSensitive ? 'su' : 'siu');
    let last: string | undefined;
    let result = false;
    // A million rows of a crowd hold the same text.
    return (text) => {
      if (text !== last) [last, result] = [text, pattern.test(text)];
      return result;
    };
  }

  #queryFunction(name: string): Filter {
    if (name !== 'In') throw notPlayed(`the function ${name}`);
    this.#expect('PropertyName');
    this.#expect('=');
    const property = this.#literal();
    this.#expect(',');
    this.#expect('PropertyValues');
    this.#expect('=');
    const values = this.#values();
    this.#expect(')');
    if (typeof property !== 'string') throw syntaxError(this.#at);
    this.#refuseUnsupported('In');
    const column = propertyName(this.#column(property));
    const wanted = new Set(values.map((value) => this.#fold(value)));
    return {
      test: (row) => {
        const cell = row.value(column);
        return cell !== null && wanted.has(this.#fold(String(cell)));
      },
      restriction: column === 'msdynci_customerid' ? { ids: values.map((value) => value.toLowerCase()) } : {},
      shape: `In(${column},${values.length})`,
    };
  }

  #values(): string[] {
    let text = this.#match(bracketed)?.[0];
    if (text === undefined) {
      const alias = this.#match(word)?.[0] ?? '';
      text = alias.startsWith('@') ? (this.#aliases.get(alias) ?? '') : '';
    }
    const values = listed(text);
    if (values === undefined || values.length === 0) {
      throw badRequest(
        'Invalid JSON. PropertyValues must be an array of strings.',
        'PropertyValues of In is not a list of strings',
      );
    }
    return values;
  }

  #refuseUnsupported(name: FilterFunction): void {
    if (this.#behaviour.unsupportedFunctions.includes(name)) {
      throw badRequest(`The function ${name} is not supported for this table.`);
    }
  }
}

/** The strings of ["a","b"], or of ['a','b'] as others write it; undefined where it is neither. */
function listed(text: string): string[] | undefined {
  try {
    const values: unknown = JSON.parse(text);
    return Array.isArray(values) && values.every((value) => typeof value === 'string') ? values : undefined;
  } catch {
    const single = /^\[\s*'[^'"]*'(?:\s*,\s*'[^'"]*')*\s*\]$/;
    return single.test(text) ? [...text.matchAll(/'([^']*)'/g)].map(([, value]) => value ?? '') : undefined;
  }
}

function patternOf(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch {
    throw badRequest('The filter holds a range of characters that is none.');
  }
}

/** T-SQL's LIKE as a regular expression. */
function wildcardPattern(text: string): string {
  return text.replaceAll(/\[[^\]]*\]|[\\^$.*+?()[\]{}|/%_]/g, (found) => {
    if (found === '%') return '.*';
    if (found === '_') return '.';
    if (found.length === 1) return `\\${found}`;
    const isNegated = found[1] === '^';
    const members = found.slice(isNegated ? 2 : 1, -1).replaceAll(/[\\^[\]]/g, '\\$&');
    return `[${isNegated ? '^' : ''}${members}]`;
  });
}

export function parseFilter(
  text: string,
  aliases: URLSearchParams,
  filtered: Filtered,
  behaviour: Behaviour,
): Filter {
  return new Parser(text, aliases, filtered, behaviour).read();
}
