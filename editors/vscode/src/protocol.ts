/** What the server answers to its own commands; `handlers.py` says the same. */

import type { Range, WorkspaceEdit } from "vscode-languageclient/node";

export const REVIEW = "backend-developer.review";
export const CANCEL = "backend-developer.cancel";
export const DISMISS = "backend-developer.dismiss";
export const AGENTS = "backend-developer.showAgents";
export const STATUS = "backend-developer.status";
export const REVOKE = "backend-developer.revokeConsent";
export const FINDINGS = "backend-developer.findings";

export const REVIEW_ACTION = "refactor.backend-developer.review";
/** The kind of the code actions that start a review. */

export type Severity = "error" | "warning" | "information" | "hint";
export type Focus = "api-design" | "security" | "performance";
export type DismissScope = "here" | "file" | "everywhere";

/** A finding of an open document, true of its latest text that the server was told of. */
export interface Finding {
  readonly id: string;
  readonly uri: string;
  readonly range: Range;
  readonly rule: string;
  readonly title: string;
  readonly message: string;
  readonly focus: Focus;
  readonly severity: Severity;
  /** The title of its checked fix; "" when there is none. */
  readonly fix: string;
}

export interface Run {
  readonly runId: string;
  readonly uri: string;
  readonly title: string;
}

export interface Status {
  readonly runs: readonly Run[];
  readonly documents: readonly { uri: string; findings: number; engine: string }[];
  /** Of today, by all editors and terminals of this person; `cost` is in dollars, null when unknown. */
  readonly usage: readonly {
    model: string;
    inputTokens: number;
    cachedTokens: number;
    outputTokens: number;
    cost: number | null;
  }[];
  /** The aliases that the `model` setting knows. */
  readonly models: readonly string[];
  /** Of those for the open documents' languages. */
  readonly missingLinters: readonly { program: string; findsIn: string }[];
}

export interface Agent {
  readonly name: string;
  readonly description: string;
  readonly path: string;
  readonly origin: string;
  readonly model: string;
  /** Whether this is the one that its name stands for. */
  readonly wins: boolean;
}

export type Started = { readonly started: true; readonly runId: string } | { readonly started: false; readonly reason: string };

export interface Dismissed {
  readonly dismissed: boolean;
  readonly reason?: string;
}

/** What the server keeps with a code action that has an edit. */
export interface ActionData {
  /** The id of the finding that it is about. */
  readonly about: string;
  /** Whether it is that finding's checked fix. */
  readonly isFix: boolean;
}

/** A checked fix as a code action brings it. */
export interface FixAction {
  readonly title: string;
  readonly edit: WorkspaceEdit;
}
