/**
 * @typedef {object} CrossCompiler what builds for another system here
 * @property {string} toolchain CMake's file of it, in native/cmake
 * @property {string} compiler the program of it that has to be there
 * @property {string} strip the program that takes symbols away
 * @property {string} install what installs it
 */

/** @type {Record<string, CrossCompiler>} by the systems' names, as they are in those of packages */
const CROSS_COMPILERS = {
  "linux-arm64-gnu": {
    toolchain: "aarch64-linux.cmake",
    compiler: "aarch64-linux-gnu-g++",
    strip: "aarch64-linux-gnu-strip",
    install: "Debian, Ubuntu: apt-get install -y g++-aarch64-linux-gnu",
  },
};

/** @param {string} system such as `linux-arm64-gnu` @returns {CrossCompiler | undefined} */
export function crossCompiler(system) {
  return CROSS_COMPILERS[system];
}
