// Who works on the labels: roles, invitations, the audit log. Routes under /api/invitations and /api/admin.
import { z } from 'zod';
import { AnnotatorId } from '../ids.ts';

/** Each role may do what those before it may. */
export const ROLES = ['annotator', 'lead', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Whether `role` may do what `needed` may. */
export const mayActAs = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);

export const PASSWORD_MIN = 10;
export const Password = z.string().min(PASSWORD_MIN).max(200);

/** A person or program as those who lead see them; nothing of a token or password. */
export const Person = z.strictObject({
  id: AnnotatorId,
  name: z.string(),
  role: z.enum(ROLES),
  simulated: z.boolean(),
  hasPassword: z.boolean(),
  createdAt: z.iso.datetime(),
});
export type Person = z.infer<typeof Person>;

/** GET /api/admin/people */
export const PeopleReply = z.strictObject({ people: z.array(Person) });
export type PeopleReply = z.infer<typeof PeopleReply>;

/** POST /api/admin/people. The reply shows the token this once. */
export const PersonRequest = z.strictObject({
  id: AnnotatorId,
  name: z.string().min(1).max(100),
  role: z.enum(ROLES).default('annotator'),
  simulated: z.boolean().default(false),
});
export type PersonRequest = z.input<typeof PersonRequest>;
export const PersonReply = z.strictObject({ person: Person, token: z.string() });
export type PersonReply = z.infer<typeof PersonReply>;

/** PATCH /api/admin/people/:annotatorId. Nobody changes their own role. DELETE of the same path removes the person. */
export const RoleChange = z.strictObject({ role: z.enum(ROLES) });
export type RoleChange = z.infer<typeof RoleChange>;

/** An invitation as those who lead see it. */
export const InvitationCard = z.strictObject({
  id: z.string(),
  role: z.enum(ROLES),
  /** For whom it was meant; a note only. */
  note: z.string(),
  createdBy: z.string(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  /** Who took it, and when; null while it is open. */
  used: z.strictObject({ by: AnnotatorId, at: z.iso.datetime() }).nullable(),
});
export type InvitationCard = z.infer<typeof InvitationCard>;

/** POST /api/invitations (lead: annotators only; admin: any role). */
export const InvitationRequest = z.strictObject({
  role: z.enum(ROLES).default('annotator'),
  note: z.string().max(200).default(''),
  /** Hours until it lapses. */
  hours: z
    .number()
    .gt(0)
    .max(30 * 24)
    .default(72),
});
export type InvitationRequest = z.input<typeof InvitationRequest>;

/** `path` is put after the server's address: '/#invite=...'. It is shown this once. */
export const InvitationReply = z.strictObject({ invitation: InvitationCard, path: z.string() });
export type InvitationReply = z.infer<typeof InvitationReply>;

/** GET /api/invitations. DELETE /api/invitations/:invitationId withdraws one. */
export const InvitationsReply = z.strictObject({ invitations: z.array(InvitationCard) });
export type InvitationsReply = z.infer<typeof InvitationsReply>;

/** What follows `#invite=` in the link. */
const InvitationCode = z.string().min(20).max(200);

/** POST /api/invitations/look: what the link is good for. 404 where it is unknown, used or over. */
export const InvitationLookRequest = z.strictObject({ invitation: InvitationCode });
export const InvitationLookReply = z.strictObject({
  role: z.enum(ROLES),
  projectTitle: z.string(),
  expiresAt: z.iso.datetime(),
});
export type InvitationLookReply = z.infer<typeof InvitationLookReply>;

/**
 * POST /api/invitations/accept: makes the account and signs it in; the reply is an AcceptReply. The id is free to choose
 * (409 where it is taken). Without a password the reply brings a personal token instead.
 */
export const AcceptRequest = z.strictObject({
  invitation: InvitationCode,
  id: AnnotatorId,
  name: z.string().trim().min(1).max(100),
  password: Password.nullable(),
});
export type AcceptRequest = z.input<typeof AcceptRequest>;

/** One line of audit.jsonl: who did what to whom. */
export const AuditEntry = z.strictObject({
  at: z.iso.datetime(),
  /** Id of the person; 'command line'; or null for someone who is not signed in. */
  who: z.string().nullable(),
  /** 'session.open', 'session.refused', 'invitation.make', 'person.role', 'project.change', 'annotator.pause', ... */
  action: z.string(),
  /** What it was done to: a person, an item, a project, or null. */
  subject: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
  /** Network address, null on the command line. */
  address: z.string().nullable(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

/** GET /api/admin/audit?limit=100&before=N: newest first; `before` is `nextBefore` of the page before. */
export const AuditReply = z.strictObject({ entries: z.array(AuditEntry), nextBefore: z.int().nullable() });
export type AuditReply = z.infer<typeof AuditReply>;
