-- The tables of the original's database at three ages, as the contract (docs/http-api.md 7.2) tells them.
-- A test takes one part: from its line "-- part: NAME" to the next such line.

-- part: later
CREATE TABLE images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at TEXT NOT NULL DEFAULT (datetime('now')),
    hld TEXT NOT NULL DEFAULT '',
    width INTEGER NOT NULL DEFAULT 1024,
    height INTEGER NOT NULL DEFAULT 1024,
    preset TEXT NOT NULL DEFAULT 'V4_TURBO_12',
    seed INTEGER NOT NULL DEFAULT 0,
    file_path TEXT NOT NULL,
    prompt_id INTEGER,
    lora_name TEXT,
    lora_strength REAL,
    lora_stack_json TEXT
);
CREATE TABLE prompts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    saved_at TEXT NOT NULL DEFAULT (datetime('now')),
    hld TEXT NOT NULL DEFAULT '',
    form_json TEXT NOT NULL
);
CREATE TABLE last_form (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    form_json TEXT NOT NULL
);
CREATE TABLE favorites (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at TEXT NOT NULL DEFAULT (datetime('now')),
    image_id INTEGER NOT NULL UNIQUE
);
ALTER TABLE images ADD COLUMN parent_image_id INTEGER;

-- part: readme
CREATE TABLE images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at TEXT NOT NULL DEFAULT (datetime('now')),
    hld TEXT NOT NULL DEFAULT '',
    width INTEGER NOT NULL DEFAULT 1024,
    height INTEGER NOT NULL DEFAULT 1024,
    preset TEXT NOT NULL DEFAULT 'V4_QUALITY_48',
    seed INTEGER NOT NULL DEFAULT 0,
    file_path TEXT NOT NULL,
    prompt_id INTEGER,
    lora_name TEXT,
    lora_strength REAL,
    lora_stack_json TEXT
);
CREATE TABLE prompts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    saved_at TEXT NOT NULL DEFAULT (datetime('now')),
    hld TEXT NOT NULL DEFAULT '',
    form_json TEXT NOT NULL
);
CREATE TABLE last_form (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    form_json TEXT NOT NULL
);
CREATE TABLE favorites (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at TEXT NOT NULL DEFAULT (datetime('now')),
    image_id INTEGER NOT NULL UNIQUE
);

-- part: oldest
CREATE TABLE images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at TEXT NOT NULL DEFAULT (datetime('now')),
    hld TEXT NOT NULL DEFAULT '',
    width INTEGER NOT NULL DEFAULT 1024,
    height INTEGER NOT NULL DEFAULT 1024,
    preset TEXT NOT NULL DEFAULT 'V4_QUALITY_48',
    seed INTEGER NOT NULL DEFAULT 0,
    file_path TEXT NOT NULL
);
CREATE TABLE prompts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    saved_at TEXT NOT NULL DEFAULT (datetime('now')),
    hld TEXT NOT NULL DEFAULT '',
    form_json TEXT NOT NULL
);

-- part: old favorites
CREATE TABLE favorites (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at TEXT NOT NULL DEFAULT (datetime('now')),
    kind TEXT NOT NULL,
    target_id INTEGER NOT NULL,
    UNIQUE (kind, target_id)
);
