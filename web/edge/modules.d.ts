// What the Workers runtime makes of imports that are not JavaScript (see `rules` in wrangler.toml).

declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "*.bundle" {
  const bytes: ArrayBuffer;
  export default bytes;
}
