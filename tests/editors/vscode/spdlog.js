// Stands in for @vscode/spdlog, whose compiled part is not installed: VS Code would log to nowhere.
const { appendFileSync, mkdirSync } = require("node:fs");
const { dirname } = require("node:path");

class Logger {
  constructor(path) {
    mkdirSync(dirname(path), { recursive: true });
    const write = (text) => appendFileSync(path, `${text}\n`);
    for (const level of ["trace", "debug", "info", "warn", "error", "critical"]) this[level] = write;
  }
  setLevel() {}
  setPattern() {}
  clearFormatters() {}
  flush() {}
  drop() {}
}

const create = async (_name, path) => new Logger(path);

exports.version = 0;
exports.setLevel = () => {};
exports.setFlushOn = () => {};
exports.Logger = Logger;
exports.createRotatingLogger = create;
exports.createAsyncRotatingLogger = create;
