/** Runes everywhere, also in components that hold no state of their own. */
export default { compilerOptions: { runes: true } };
