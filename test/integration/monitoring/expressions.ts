const keywords = ['and', 'or', 'unless', 'offset', 'bool'];

/** Names of the metrics that an expression reads. */
export function metricsIn(expression: string): string[] {
  const bare = expression
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\[[^\]]*\]/g, '')
    .replace(/\b(by|without|on|ignoring) *\([^)]*\)/g, '');
  // A name before a parenthesis is a function's.
  const names = bare.match(/\b[A-Za-z_:][\w:]*\b(?! *\()/g) ?? [];
  return [...new Set(names)].filter((name) => !keywords.includes(name));
}

/** The words that an expression compares a label with, from `=`, `!=` and alternatives of `=~` and `!~`. */
export function wordsIn(expression: string, label: string): string[] {
  const matchers = [...expression.matchAll(/(\w+)(?:=~|!~|!=|=)"([^"]*)"/g)];
  return matchers.filter(([, name]) => name === label).flatMap(([, , text = '']) => text.split('|'));
}

/** As Grafana sends it to Prometheus. */
export function substituted(expression: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce(
    (text, [name, value]) => text.replaceAll(`$${name}`, value),
    expression,
  );
}
