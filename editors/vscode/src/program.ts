/** Finds the program that is the server: `[file, ...arguments]`, to which `serve` is added. */

import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import * as path from "node:path";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { serverCommand } from "./settings";

export const INSTALL_COMMAND = "pipx install 'backend-developer[linters]'";

export type Program = readonly [file: string, ...arguments: string[]];

const PYTHON_EXTENSION = "ms-python.python";

/** What we use of the API of Microsoft's Python extension. */
interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(environment: {
      readonly path: string;
    }): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

/** The setting, else the selected Python environment, else PATH; undefined when it is nowhere. */
export async function findProgram(): Promise<Program | undefined> {
  const [file, ...rest] = serverCommand() ?? [];
  if (file) return [file, ...rest];
  return (await inPythonEnvironment()) ?? (await onSearchPath());
}

/** Tells when another Python environment was selected; does nothing without the Python extension. */
export async function onPythonEnvironmentChanged(changed: () => void): Promise<vscode.Disposable> {
  const api = await pythonApi();
  return vscode.Disposable.from(...(api ? [api.environments.onDidChangeActiveEnvironmentPath(changed)] : []));
}

/**
 * The interpreter of the selected environment, where our package can be imported from it.
 * An environment can lie in the workspace, so none is run before the workspace is trusted.
 */
async function inPythonEnvironment(): Promise<Program | undefined> {
  const api = await pythonApi();
  if (!api || !vscode.workspace.isTrusted) return undefined;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const environment = await api.environments.resolveEnvironment(api.environments.getActiveEnvironmentPath(folder));
  const python = environment?.executable.uri?.fsPath;
  if (!python) return undefined;
  // -P: nothing is imported from the folder that the process is started in.
  const program: Program = [python, "-P", "-m", "backend_developer"];
  try {
    await promisify(execFile)(python, ["-P", "-c", "import backend_developer"], { timeout: 10_000 });
    return program;
  } catch {
    return undefined;
  }
}

async function pythonApi(): Promise<PythonApi | undefined> {
  const extension = vscode.extensions.getExtension<PythonApi | undefined>(PYTHON_EXTENSION);
  return extension?.activate();
}

/** Looked up here, because Windows would begin with the current folder; relative entries are none. */
async function onSearchPath(): Promise<Program | undefined> {
  const name = process.platform === "win32" ? "backend-developer.exe" : "backend-developer";
  for (const folder of (process.env.PATH ?? "").split(path.delimiter).filter((entry) => path.isAbsolute(entry))) {
    const file = path.join(folder, name);
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return [file];
  }
  return undefined;
}
