// Every text of the page, in each of its languages.
import type { Language } from '../../src/core/annotation/project.ts';

const en = {
  languageName: 'English',
  loading: 'One moment…',
  // Signing in
  signInTitle: 'Sign in to rate replies',
  signInHint: 'Open your personal link, or paste your token here.',
  tokenLabel: 'Personal token',
  signIn: 'Sign in',
  signOut: 'Sign out',
  signedOut: 'You are signed out. Sign in again to go on; nothing is lost.',
  noServer: 'The server does not answer. Check the connection and try again.',
  // The task
  prompt: 'Prompt',
  roles: { system: 'Instruction', user: 'User', assistant: 'Assistant' },
  replies: 'Replies',
  reply: (key: string) => `Reply ${key}`,
  emptyReply: 'This reply is empty.',
  bestMark: 'best',
  verdict: 'Which reply is best?',
  tie: 'Tie',
  skip: 'Skip',
  undo: 'Undo',
  submit: 'Submit',
  shortcuts: 'Keys',
  language: 'Language',
  progress: (done: number, total: number) => `${done} of ${total}`,
  revising: 'You are changing a judgement that you gave before.',
  // States
  saved: 'All saved',
  saving: 'Saving…',
  unsent: (count: number) =>
    count === 1
      ? 'Offline: 1 judgement kept here, will be sent'
      : `Offline: ${count} judgements kept here, will be sent`,
  waiting: 'Waiting for the connection. The next item comes as soon as it is back.',
  refused: (message: string) => `A judgement was not taken: ${message}`,
  judgedElsewhere: 'That item was judged in another window before; the first judgement was kept.',
  nothingToUndo: 'Nothing to undo.',
  said: {
    score: (key: string, criterion: string, score: number, anchor: string) =>
      `${key}, ${criterion}: ${score}, ${anchor}`,
    best: (key: string) => `Best: ${key}`,
    tie: 'Tie',
    next: (done: number, total: number) => `Next item. ${done} of ${total} done.`,
    missing: (count: number) => (count === 1 ? 'One answer is still missing.' : `${count} answers are still missing.`),
  },
  left: (count: number) => (count === 1 ? '1 answer to go' : `${count} answers to go`),
  // Skipping
  skipTitle: 'Why skip this item?',
  skipReasons: {
    'cannot-judge': 'I cannot judge this',
    'prompt-unclear': 'The prompt is unclear or broken',
    'replies-broken': 'The replies are unreadable',
    'too-harmful': 'I do not want to read this',
  },
  skipNote: 'Anything to add? (optional)',
  cancel: 'Cancel',
  close: 'Close',
  // Keys
  keysTitle: 'Keys',
  letterKeys: 'Use letters and digits as keys',
  keys: {
    score: 'Score the marked criterion and move on',
    focus: 'Go to a reply',
    move: 'Move between criteria and replies',
    best: 'Choose that reply as best',
    bestActive: 'Choose the marked reply as best',
    tie: 'Tie',
    submit: 'Submit',
    undo: 'Undo; on a fresh item, go back to the last one',
    skip: 'Skip',
    help: 'Show these keys',
  },
  // Done
  doneTitle: 'All done. Thank you!',
  doneText: (judged: number, skipped: number) =>
    `You judged ${judged} ${judged === 1 ? 'item' : 'items'}${skipped > 0 ? ` and skipped ${skipped}` : ''}. Every one is saved.`,
  doneSending: 'Your last judgements are still on their way. Please keep this page open.',
  back: 'Go back to the last item',
};

export type Strings = typeof en;

const zh: Strings = {
  languageName: '中文',
  loading: '请稍候…',
  signInTitle: '登录后开始评分',
  signInHint: '请打开您的个人链接，或在此粘贴令牌。',
  tokenLabel: '个人令牌',
  signIn: '登录',
  signOut: '退出',
  signedOut: '您已退出。请重新登录后继续，内容不会丢失。',
  noServer: '服务器没有响应。请检查网络后重试。',
  prompt: '提示',
  roles: { system: '指令', user: '用户', assistant: '助手' },
  replies: '回复',
  reply: (key) => `回复 ${key}`,
  emptyReply: '这条回复是空的。',
  bestMark: '最佳',
  verdict: '哪条回复最好？',
  tie: '平局',
  skip: '跳过',
  undo: '撤销',
  submit: '提交',
  shortcuts: '快捷键',
  language: '语言',
  progress: (done, total) => `${done} / ${total}`,
  revising: '您正在修改之前给出的评判。',
  saved: '已全部保存',
  saving: '正在保存…',
  unsent: (count) => `离线：${count} 条评判已留在本机，稍后发送`,
  waiting: '正在等待网络连接，恢复后会立即显示下一条。',
  refused: (message) => `有一条评判未被接受：${message}`,
  judgedElsewhere: '该条目已在另一个窗口评判，保留了先前的评判。',
  nothingToUndo: '没有可撤销的操作。',
  said: {
    score: (key, criterion, score, anchor) => `${key}，${criterion}：${score}，${anchor}`,
    best: (key) => `最佳：${key}`,
    tie: '平局',
    next: (done, total) => `下一条。已完成 ${done} / ${total}。`,
    missing: (count) => `还有 ${count} 项未填。`,
  },
  left: (count) => `还剩 ${count} 项`,
  skipTitle: '为什么跳过？',
  skipReasons: {
    'cannot-judge': '我无法判断',
    'prompt-unclear': '提示不清楚或有问题',
    'replies-broken': '回复无法阅读',
    'too-harmful': '我不想阅读这些内容',
  },
  skipNote: '补充说明（可选）',
  cancel: '取消',
  close: '关闭',
  keysTitle: '快捷键',
  letterKeys: '启用字母和数字快捷键',
  keys: {
    score: '为当前标准打分并前进',
    focus: '转到某条回复',
    move: '在标准和回复之间移动',
    best: '选该回复为最佳',
    bestActive: '选当前回复为最佳',
    tie: '平局',
    submit: '提交',
    undo: '撤销；新条目上则返回上一条',
    skip: '跳过',
    help: '显示快捷键',
  },
  doneTitle: '全部完成，谢谢！',
  doneText: (judged, skipped) => `您评判了 ${judged} 条${skipped > 0 ? `，跳过了 ${skipped} 条` : ''}，均已保存。`,
  doneSending: '最后几条评判仍在发送，请不要关闭页面。',
  back: '返回上一条',
};

export const STRINGS: Record<Language, Strings> = { en, zh };

/** The language that the browser asks for, English where the page does not speak it. */
export function preferredLanguage(wanted: ReadonlyArray<string>): Language {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split('-')[0];
    if (language === 'zh' || language === 'en') return language;
  }
  return 'en';
}
