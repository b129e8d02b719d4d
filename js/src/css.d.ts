// esbuild's text loader: a style sheet is the string that it contains.
/** A script for a worker, bundled, as text. */
declare module "*?worker" {
  const text: string;
  export default text;
}
declare module "*.css" {
  const text: string;
  export default text;
}
