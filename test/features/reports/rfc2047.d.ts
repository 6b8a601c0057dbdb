// The package brings no types.
declare module 'rfc2047' {
  const rfc2047: { decode(text: string): string };
  export = rfc2047;
}
