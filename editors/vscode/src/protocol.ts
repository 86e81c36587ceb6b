/** What the server answers to its own commands; `handlers.py` says the same. */

import type { Range, WorkspaceEdit } from "vscode-languageclient/node";

export const REVIEW = "backend-developer.review";
export const CANCEL = "backend-developer.cancel";
export const DISMISS = "backend-developer.dismiss";
export const AGENTS = "backend-developer.showAgents";
export const STATUS = "backend-developer.status";
export const REVOKE = "backend-developer.revokeConsent";
export const FINDINGS = "backend-developer.findings";
export const CHANGE = "backend-developer.change";
export const REFINE = "backend-developer.refine";
export const NARROW = "backend-developer.narrow";
export const ALLOW = "backend-developer.allowDependency";
export const DISCARD = "backend-developer.discard";
export const PROPOSALS = "backend-developer.proposals";
export const PREVIEW = "backend-developer.preview";
/** In code actions of the server's, and ours to execute. */

export const PROPOSED = "backend-developer/proposal";
/** The notification that there is a proposal. */

export const REVIEW_ACTION = "refactor.backend-developer.review";
/** The kind of the code actions that start a review. */
export const CHANGE_ACTION = "refactor.backend-developer.change";
/** The kind of those that start a task which changes something. */

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

/** That there is a proposal now, in place of another one where `insteadOf` is not "". */
export interface Proposed {
  readonly id: string;
  readonly insteadOf: string;
}

export type ProposalState = "offered" | "waiting for yes" | "touched" | "taken" | "refused" | "answered";

/** What came of a task: changes of files, checked and not made yet; or words alone. */
export interface Proposal {
  readonly id: string;
  /** The task's. */
  readonly title: string;
  /** Of the document that it was asked for, and the line there, from 0. */
  readonly uri: string;
  readonly line: number;
  readonly state: ProposalState;
  /** What it is, and what is in the way of taking it. */
  readonly message: string;
  /** All that is known of it but its diffs, in Markdown that loads nothing. */
  readonly page: string;
  readonly files: readonly ProposedFile[];
  readonly dependencies: readonly { name: string; version: string; why: string; isAllowed: boolean }[];
  /** What is to be done by hand beside. */
  readonly steps: readonly { text: string }[];
  readonly canBeRefined: boolean;
}

export interface ProposedFile {
  /** Relative to the workspace. */
  readonly path: string;
  readonly uri: string;
  readonly isNew: boolean;
  /** Only what is waiting can be narrowed. */
  readonly state: "waiting" | "given" | "taken" | "edited" | "touched";
  readonly before: string;
  readonly after: string;
  readonly added: number;
  /** Its hunks: their lines in the text before, from 0, and the first line that they write. */
  readonly places: readonly { first: number; last: number; text: string }[];
}

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

/** What the server keeps with a code action about a proposal. */
export interface ProposalData {
  readonly proposal?: string;
  readonly edit?: "" | "take" | "undo";
}

/** A checked fix as a code action brings it. */
export interface FixAction {
  readonly title: string;
  readonly edit: WorkspaceEdit;
}
