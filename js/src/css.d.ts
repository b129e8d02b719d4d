// esbuild's text loader: a style sheet is the string that it contains.
declare module "*.css" {
  const text: string;
  export default text;
}
