//! The words that the server writes before a message and before each part of it, in every language that it is
//! available in (the `.po` files of its source, from PostgreSQL 10 on). `lc_messages` chooses the language; in
//! csvlog and jsonlog the severity is translated too.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// What a word says about the text that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// A severity that is not an error: `DEBUG`, `LOG`, `INFO`, `NOTICE`, `WARNING`.
    Calm,
    /// `ERROR`, `FATAL`, `PANIC`.
    Error,
    Detail,
    Hint,
    Context,
    Statement,
    /// `QUERY`, `LOCATION`, `BACKTRACE`: parts that a record has no field for.
    Other,
}

impl Word {
    /// Returns whether the word begins an entry, as a severity does, rather than a part of one.
    pub fn begins_entry(self) -> bool {
        matches!(self, Calm | Error)
    }
}

use Word::{Calm, Context, Detail, Error, Hint, Other, Statement};

/// The severities. In every language, `:` and two blanks follow.
const SEVERITIES: &[(&str, Word)] = &[
    ("LOG", Calm),
    ("ERROR", Error),
    ("FATAL", Error),
    ("WARNING", Calm),
    ("NOTICE", Calm),
    ("INFO", Calm),
    ("PANIC", Error),
    ("DEBUG", Calm),
    ("DEBUG1", Calm),
    ("DEBUG2", Calm),
    ("DEBUG3", Calm),
    ("DEBUG4", Calm),
    ("DEBUG5", Calm),
    // German
    ("HINWEIS", Calm),
    ("WARNUNG", Calm),
    ("FEHLER", Error),
    ("PANIK", Error),
    // French
    ("ATTENTION", Calm),
    ("ERREUR", Error),
    // Italian
    ("NOTIFICA", Calm),
    ("ATTENZIONE", Calm),
    ("ERRORE", Error),
    ("FATALE", Error),
    ("PANICO", Error),
    // Indonesian
    ("PERINGATAN", Calm),
    // Georgian
    ("გამართვა", Calm),
    ("ჟურნალი", Calm),
    ("ინფორმაცია", Calm),
    ("გაფრთხილება", Calm),
    ("შეცდომა", Error),
    ("ფატალური", Error),
    ("პანიკა", Error),
    // Korean
    ("디버그", Calm),
    ("로그", Calm),
    ("정보", Calm),
    ("알림", Calm),
    ("경고", Calm),
    ("오류", Error),
    ("치명적오류", Error),
    ("손상", Error),
    // Polish
    ("DZIENNIK", Calm),
    ("INFORMACJA", Calm),
    ("UWAGA", Calm),
    ("OSTRZEŻENIE", Calm),
    ("BŁĄD", Error),
    ("KATASTROFALNY", Error),
    ("PANIKA", Error),
    // Portuguese
    ("DEPURAÇÃO", Calm),
    ("NOTA", Calm),
    ("AVISO", Calm),
    ("ERRO", Error),
    ("PÂNICO", Error),
    // Russian
    ("ОТЛАДКА", Calm),
    ("СООБЩЕНИЕ", Calm),
    ("ИНФОРМАЦИЯ", Calm),
    ("ЗАМЕЧАНИЕ", Calm),
    ("ПРЕДУПРЕЖДЕНИЕ", Calm),
    ("ОШИБКА", Error),
    ("ВАЖНО", Error),
    ("ПАНИКА", Error),
    // Swedish
    ("LOGG", Calm),
    ("NOTIS", Calm),
    ("VARNING", Calm),
    ("FEL", Error),
    ("FATALT", Error),
    // Turkish
    ("BİLGİ", Calm),
    ("NOT", Calm),
    ("UYARI", Calm),
    ("HATA", Error),
    ("ÖLÜMCÜL (FATAL)", Error),
    ("ÖLÜMCÜL", Error),
    ("KRİTİK", Error),
    // Ukrainian
    ("НАЛАГОДЖЕННЯ", Calm),
    ("ЗАПИСУВАННЯ", Calm),
    ("ІНФОРМАЦІЯ", Calm),
    ("ПОВІДОМЛЕННЯ", Calm),
    ("ПОПЕРЕДЖЕННЯ", Calm),
    ("ПОМИЛКА", Error),
    ("ФАТАЛЬНО", Error),
    ("ПАНІКА", Error),
    // Chinese
    ("调试", Calm),
    ("日志", Calm),
    ("信息", Calm),
    ("注意", Calm),
    ("警告", Calm),
    ("错误", Error),
    ("致命错误", Error),
    ("比致命错误还过分的错误", Error),
];

/// The parts of an entry, each with the punctuation between the word and its text, which differs by translation.
const PARTS: &[(&str, Word)] = &[
    ("DETAIL:  ", Detail),
    ("HINT:  ", Hint),
    ("CONTEXT:  ", Context),
    ("STATEMENT:  ", Statement),
    ("QUERY:  ", Other),
    ("LOCATION:  ", Other),
    ("BACKTRACE:  ", Other),
    // German
    ("TIPP:  ", Hint),
    ("ZUSAMMENHANG:  ", Context),
    ("ANWEISUNG:  ", Statement),
    ("ANFRAGE:  ", Other),
    ("ORT:  ", Other),
    // Spanish
    ("DETALLE:  ", Detail),
    ("SUGERENCIA:  ", Hint),
    ("CONTEXTO:  ", Context),
    ("SENTENCIA:  ", Statement),
    ("CONSULTA:  ", Other),
    ("UBICACIÓN:  ", Other),
    // French
    ("DÉTAIL:  ", Detail),
    ("DÉTAIL :  ", Detail),
    ("ASTUCE :  ", Hint),
    ("CONTEXTE :  ", Context),
    ("INSTRUCTION :  ", Statement),
    ("REQUÊTE :  ", Other),
    ("EMPLACEMENT :  ", Other),
    ("PILE D'APPEL : ", Other),
    // Italian
    ("DETTAGLI:  ", Detail),
    ("SUGGERIMENTO:  ", Hint),
    ("CONTESTO:  ", Context),
    ("ISTRUZIONE:  ", Statement),
    ("POSIZIONE:  ", Other),
    // Indonesian
    ("DETIL:  ", Detail),
    ("PETUNJUK :  ", Hint),
    ("KONTEKS:  ", Context),
    ("PERNYATAAN:  ", Statement),
    ("QUERY :  ", Other),
    ("LOKASI:  ", Other),
    // Japanese
    ("詳細:  ", Detail),
    ("ヒント:  ", Hint),
    ("文脈:  ", Context),
    ("文:  ", Statement),
    ("ステートメント:  ", Statement),
    ("問い合わせ:  ", Other),
    ("場所:  ", Other),
    ("バックトレース:  ", Other),
    // Georgian
    ("დეტალები:  ", Detail),
    ("მინიშნება:  ", Hint),
    ("კონტექსტი:  ", Context),
    ("ოპერატორი:  ", Statement),
    ("მოთხოვნა:  ", Other),
    ("მდებარეობა:   ", Other),
    ("სტეკი:  ", Other),
    // Korean
    ("상세정보:  ", Detail),
    ("힌트:  ", Hint),
    ("내용:  ", Context),
    ("명령 구문:  ", Statement),
    ("쿼리:", Other),
    ("위치: ", Other),
    ("역추적:  ", Other),
    // Polish
    ("SZCZEGÓŁY:  ", Detail),
    ("PODPOWIEDŹ:  ", Hint),
    ("KONTEKST:  ", Context),
    ("WYRAŻENIE:  ", Statement),
    ("ZAPYTANIE:  ", Other),
    ("POZYCJA:  ", Other),
    // Portuguese
    ("DETALHE:  ", Detail),
    ("DICA:  ", Hint),
    ("COMANDO:  ", Statement),
    ("LOCAL:  ", Other),
    // Russian
    ("ПОДРОБНОСТИ:  ", Detail),
    ("ПОДСКАЗКА:  ", Hint),
    ("КОНТЕКСТ:  ", Context),
    ("ОПЕРАТОР:  ", Statement),
    ("ЗАПРОС:  ", Other),
    ("ПОЛОЖЕНИЕ: ", Other),
    ("СТЕК:  ", Other),
    // Swedish
    ("DETALJ:  ", Detail),
    ("TIPS:  ", Hint),
    ("KONTEXT:  ", Context),
    ("SATS:  ", Statement),
    ("FRÅGA:  ", Other),
    ("PLATS:  ", Other),
    // Turkish
    ("AYRINTI:  ", Detail),
    ("İPUCU:  ", Hint),
    ("ETKİNLİK/İÇERİK:  ", Context),
    ("İÇERİK:  ", Context),
    ("KOMUT:  ", Statement),
    ("SORGU:  ", Other),
    ("YER:  ", Other),
    // Ukrainian
    ("ВІДОМОСТІ:  ", Detail),
    ("УКАЗІВКА:  ", Hint),
    ("ІНСТРУКЦІЯ:  ", Statement),
    ("ЗАПИТ:  ", Other),
    ("РОЗТАШУВАННЯ:  ", Other),
    ("ВІДСТЕЖУВАТИ:  ", Other),
    // Chinese
    ("详细信息:  ", Detail),
    ("提示:  ", Hint),
    ("上下文:  ", Context),
    ("语句:  ", Statement),
    ("查询:  ", Other),
    ("位置:  ", Other),
];

/// The text that the server prints for a name that it does not know yet.
const UNKNOWN: &[&str] = &[
    "[unknown]",
    "[unbekannt]",
    "[desconocido]",
    "[desconhecido]",
    "[inconnu]",
    "[sconosciuto]",
    "[tidak diketahui]",
    "[不明]",
    "[უცნობი]",
    "[알수없음]",
    "[nieznany]",
    "[н/д]",
    "[okänd]",
    "[bilinmeyen]",
    "[невідомо]",
    "[未知]",
];

/// The beginnings of messages that give a duration, each with the unit that follows the number.
const DURATIONS: &[(&str, &str)] = &[
    ("duration: ", " ms"),
    ("Dauer: ", " ms"),
    ("duración: ", " ms"),
    ("durée : ", " ms"),
    ("durata: ", " ms"),
    ("durasi : ", " ms"),
    ("期間: ", " ミリ秒"),
    ("ხანგრძლივობა: ", " მწმ"),
    ("실행시간: ", " ms"),
    ("수행시간: ", " ms"),
    ("czas trwania: ", " ms"),
    ("duração: ", " ms"),
    ("продолжительность: ", " мс"),
    ("varaktighet: ", " ms"),
    ("varaktighet ", " ms"),
    ("süre: ", " ms"),
    ("тривалість: ", " мс"),
    ("执行时间: ", " ms"),
];

/// The beginnings of messages that show a statement.
const STATEMENTS: &[&str] = &[
    "statement: ",
    "Anweisung: ",
    "sentencia: ",
    "instruction : ",
    "istruzione: ",
    "pernyataan: ",
    "文: ",
    "ოპერატორი: ",
    "გამოსახულება: ",
    "명령 구문: ",
    "wyrażenie: ",
    "comando: ",
    "оператор: ",
    "sats: ",
    "komut: ",
    "语句: ",
];

/// The first words of the steps of the extended protocol. The name of the prepared statement, a colon, a blank and
/// the statement follow.
const STEPS: &[&str] = &[
    "execute ",
    "parse ",
    "bind ",
    "Ausführen ",
    "Parsen ",
    "Binden ",
    "ejecutar ",
    "parse: ",
    "lien ",
    "バインド ",
    "მიბმა ",
    "сообщение Bind ",
    "повідомлення bind ",
    "绑定",
    "exécute ",
    "analyse ",
    "esecuzione di ",
    "analisi di ",
    "実行 ",
    "パース",
    "გაშვება ",
    "쿼리실행 ",
    "выполнение ",
    "разбор ",
    "kör ",
    "виконувати ",
    "аналізування ",
    "执行",
    "解析 ",
    "wykonanie ",
    "parsowanie ",
    "dowiązanie ",
    "executar ",
    "análise de ",
    "ligação ",
];

/// Those of them that execute, rather than parse or bind.
const EXECUTE: &[&str] = &[
    "execute ",
    "Ausführen ",
    "ejecutar ",
    "exécute ",
    "esecuzione di ",
    "実行 ",
    "გაშვება ",
    "쿼리실행 ",
    "выполнение ",
    "kör ",
    "виконувати ",
    "执行",
    "wykonanie ",
    "executar ",
];

/// The beginnings of messages about the server's own work that are not English. Where the data come first, as in Japanese
/// messages of autovacuum, the other messages show the language.
const OWN_WORK: &[&str] = &[
    // log_temp_files
    "temporäre Datei: ",
    "archivo temporal: ",
    "fichier temporaire : ",
    "file temporaneo: ",
    "一時ファイル: ",
    "დროებითი ფაილი: ",
    "임시 파일: ",
    "plik tymczasowy: ",
    "arquivo temporário: ",
    "временный файл: ",
    "temporär fil: ",
    "тимчасовий файл: ",
    "临时文件: ",
    // log_connections and log_disconnections
    "Verbindung empfangen: ",
    "Verbindung autorisiert: ",
    "Verbindungsende: ",
    "conexión recibida: ",
    "conexión autorizada: ",
    "desconexión: ",
    "connexion reçue : ",
    "connexion autorisée : ",
    "déconnexion : ",
    "connessione ricevuta: ",
    "connessione autorizzata: ",
    "disconnessione: ",
    "接続を受け付けました: ",
    "接続の認証完了: ",
    "接続を切断: ",
    "შემოსული დაკავშირება: ",
    "შეერთება ავტორიზებულია: ",
    "접속 수락: ",
    "연결 인증: ",
    "연결종료: ",
    "odebrano połączenie: ",
    "conexão recebida: ",
    "conexão autorizada: ",
    "desconexão: ",
    "принято подключение: ",
    "подключение авторизовано: ",
    "отключение: ",
    "ansluting mottagen: ",
    "anslutning auktoriserad: ",
    "nedkoppling: ",
    "з'єднання отримано: ",
    "підключення авторизовано: ",
    "відключення: ",
    "已接收到连接: ",
    "已授权连接",
    "断开连接: ",
    // log_checkpoints
    "Checkpoint beginnt:",
    "Checkpoint komplett: ",
    "Restart-Punkt beginnt:",
    "Restart-Punkt komplett: ",
    "empezando checkpoint:",
    "checkpoint completado: ",
    "empezando restartpoint:",
    "restartpoint completado: ",
    "début du checkpoint :",
    "checkpoint terminé : ",
    "début du restartpoint :",
    "restartpoint terminé : ",
    "inizio checkpoint:",
    "checkpoint completato: ",
    "inizio del punto di riavvio:",
    "punto di riavvio completato: ",
    "チェックポイント開始:",
    "チェックポイント完了: ",
    "リスタートポイント開始:",
    "リスタートポイント完了: ",
    "საკონტროლო წერტილი იწყება:",
    "გადატვირთვის წერტილი დაიწყო:",
    "체크포인트 시작:",
    "체크포인트 작업완료: ",
    "restartpoint 시작:",
    "restartpoint 작업완료: ",
    "начата контрольная точка:",
    "контрольная точка завершена: ",
    "начата точка перезапуска:",
    "точка перезапуска завершена: ",
    "checkpoint startar:",
    "checkpoint klar: ",
    "restartpoint startar:",
    "restartpoint klar: ",
    "початок контрольної точки: ",
    "контрольна точка завершена: ",
    "початок точки перезапуску: ",
    "точка перезапуску завершена: ",
    // log_autovacuum_min_duration
    "automatisches Vacuum ",
    "automatisches aggressives Vacuum ",
    "automatisches Analysieren ",
    "vacuum automático ",
    "vacuum agresivo automático ",
    "análisis automático ",
    "VACUUM automatique ",
    "ANALYZE automatique ",
    "pulizia automatica ",
    "vacuum automatico ",
    "analisi automatica ",
    "ცხრილის ავტო",
    "автоматическая очистка ",
    "автоматическая агрессивная очистка",
    "автоматический анализ ",
    "automatisk vacuum ",
    "automatisk aggressiv vacuum ",
    "automatisk analys ",
    "автоматичне очищення ",
    "автоматична очистка ",
    "автоматичний аналіз ",
    "自动清理表",
    "自动积极的清理",
    "自动分析表",
    // log_lock_waits
    "Prozess ",
    "el proceso ",
    "le processus ",
    "il processo ",
    "proces ",
    "processo ",
    "プロセス",
    "процесс ",
    "процес ",
    "进程",
    // the start of the server
    "Datenbanksystem ist bereit",
    "el sistema de bases de datos está listo",
    "le système de bases de données est prêt",
    "il database è pronto",
    "データベースシステム",
    "მონაცემთა ბაზის სისტემა მზადაა",
    "이제 데이터베이스 서버로",
    "system bazy danych jest gotowy",
    "система БД готова",
    "databassystemet är redo",
    "система бази даних готова",
    "数据库系统准备接受",
];

/// The text before a statement of which more rows are fetched. The name of the statement, a colon, a blank and the
/// statement follow.
const FETCH: &[&str] = &[
    "execute fetch from ",
    "Ausführen Fetch von ",
    "ejecutar fetch desde ",
    "exécute fetch à partir de ",
    "esecuzione di fetch da ",
    "取り出し実行 ",
    "자료뽑기 ",
    "wykonanie pobrania z ",
    "executar busca de ",
    "выборка из ",
    "kör hämtning från ",
    "виконати витягнення з ",
    "执行FETCH操作 ",
];

/// The text before the parameter values; it is capitalized from PostgreSQL 16 on.
const PARAMETERS: &[&str] = &[
    "Parameters: ",
    "parameters: ",
    "Parameter: ",
    "parámetros: ",
    "paramètres : ",
    "parametri: ",
    "パラメータ: ",
    "პარამეტრები: ",
    "매개 변수: ",
    "parametry: ",
    "parâmetros: ",
    "параметры: ",
    "parametrar: ",
    "параметри: ",
    "参数: ",
];

/// The text around the character position in the statement, at the end of a message.
const POSITIONS: &[(&str, &str)] = &[
    (" at character ", ""),
    (" bei Zeichen ", ""),
    (" en carácter ", ""),
    (" au caractère ", ""),
    (" al carattere ", ""),
    (" pada karakter ", ""),
    ("(", "文字目)"),
    (" სიმბოლოსთან ", ""),
    (" ", " 번째 문자 부근"),
    (" przy znaku ", ""),
    (" no caracter ", ""),
    (" (символ ", ")"),
    (" vid tecken ", ""),
    (" символ ", ""),
    (" 第 ", " 个字符处"),
];

/// A severity or the name of a part, found at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// What the word says.
    pub word: Word,
    /// The length of the word in bytes.
    pub len: usize,
    /// The number of bytes before the text that the word announces.
    pub until_text: usize,
}

type Words = Vec<(&'static str, Word)>;

/// The severities and the parts that begin with each byte, in the order of the lists above.
static BY_FIRST_BYTE: LazyLock<Vec<[Words; 2]>> = LazyLock::new(|| {
    let of = |all: &[(&'static str, Word)], byte: u8| {
        all.iter().filter(|(word, _)| word.as_bytes()[0] == byte).copied().collect()
    };
    (0..=u8::MAX).map(|byte| [of(SEVERITIES, byte), of(PARTS, byte)]).collect()
});

/// Returns the rest of a text that begins with this word. The first byte is compared first, because it rules out
/// most words.
fn begins<'a>(text: &'a [u8], word: &str) -> Option<&'a [u8]> {
    if text.first() == word.as_bytes().first() { text.strip_prefix(word.as_bytes()) } else { None }
}

/// Returns whether a message is one of those that reports are made of, in another language than English.
pub fn is_translated(message: &[u8]) -> bool {
    if ["duration: ", "statement: ", "execute ", "parse ", "bind "]
        .iter()
        .any(|word| begins(message, word).is_some())
    {
        return false;
    }
    let is_known = |word: &&str| begins(message, word).is_some();
    OWN_WORK.iter().any(is_known)
        || DURATIONS.iter().any(|(word, _)| is_known(word))
        || STATEMENTS.iter().any(is_known)
        || STEPS.iter().any(is_known)
}

/// Returns the severity or part name that a text begins with, if there is one.
pub fn marker(text: &[u8]) -> Option<Marker> {
    // By far the most frequent one first.
    if text.starts_with(b"LOG:  ") {
        return Some(Marker { word: Calm, len: 3, until_text: 6 });
    }
    // Most texts begin with no such word, and their first byte shows that.
    let [severities, parts] = &BY_FIRST_BYTE[usize::from(*text.first()?)];
    for (word, is) in severities {
        if let Some(rest) = begins(text, word)
            && rest.starts_with(b":  ")
        {
            return Some(Marker { word: *is, len: word.len(), until_text: word.len() + 3 });
        }
    }
    let found = parts.iter().find(|(part, _)| begins(text, part).is_some());
    found.map(|(part, is)| Marker {
        word: *is,
        len: part.trim_end_matches([' ', ':']).len(),
        until_text: part.len(),
    })
}

/// Finds a word in capitals or in a non-Latin script in the place of a severity: one of a language that pgkit does
/// not know.
pub fn unknown_marker(text: &[u8]) -> Option<Marker> {
    let len = text.iter().position(|b| *b == b':').filter(|len| (2..=60).contains(len))?;
    let letters = text[..len].iter().all(|b| b.is_ascii_uppercase() || *b >= 0x80);
    (letters && text[len..].starts_with(b":  ")).then_some(Marker { word: Calm, len, until_text: len + 3 })
}

/// Returns the meaning of a bare severity, as csvlog and jsonlog have it; `None` if it is of no known language.
pub fn severity(word: &[u8]) -> Option<Word> {
    if word == b"LOG" {
        return Some(Calm);
    }
    SEVERITIES.iter().find(|(known, _)| known.as_bytes() == word).map(|(_, is)| *is)
}

/// Returns the SQLSTATE that a message begins with, before a colon and a blank. It has at least one digit, so that no word in
/// capitals is taken for one.
pub fn sqlstate(message: &[u8]) -> Option<&[u8]> {
    let (state, rest) = message.split_at_checked(5)?;
    let is_state = state.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    (rest.starts_with(b": ") && is_state && state.iter().any(u8::is_ascii_digit)).then_some(state)
}

/// Returns whether this is `LOG`. The message of a `LOG` entry may be text that a client sent, rather than an
/// error.
pub fn is_log(severity: &[u8]) -> bool {
    const LOG: &[&str] = &["LOG", "ჟურნალი", "로그", "DZIENNIK", "СООБЩЕНИЕ", "LOGG", "ЗАПИСУВАННЯ", "日志"];
    LOG.iter().any(|word| word.as_bytes() == severity)
}

/// Matches any word that announces a text.
static ANY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let severities = SEVERITIES.iter().map(|(word, _)| format!("{word}:  "));
    let all = severities.chain(PARTS.iter().map(|(part, _)| (*part).to_owned()));
    let words: Vec<String> = all.map(|word| regex::escape(&word)).collect();
    Regex::new(&format!("(?-u)(?:{})", words.join("|"))).ok()
});

/// Returns the positions in a line of all words that announce a text.
pub fn places(line: &[u8]) -> impl Iterator<Item = usize> {
    ANY.as_ref().into_iter().flat_map(|any| any.find_iter(line)).map(|found| found.start())
}

/// Returns whether a line contains a severity, as most do. Unlike [`places`], this needs no pattern, which takes a
/// while to build.
pub fn has_severity(line: &[u8]) -> bool {
    memchr::memmem::find_iter(line, b":  ").any(|at| {
        let word = line[..at].rsplit(|b| b.is_ascii_whitespace()).next().unwrap_or_default();
        severity(word).is_some()
    })
}

/// Returns whether this is the text that the server prints for a name it does not know.
pub fn is_unknown_name(name: &[u8]) -> bool {
    name.first() == Some(&b'[') && UNKNOWN.iter().any(|unknown| unknown.as_bytes() == name)
}

/// Returns the duration that a message begins with, in milliseconds, and the text after the unit.
pub fn duration(message: &[u8]) -> Option<(f64, &[u8])> {
    for (before, unit) in DURATIONS {
        if let Some(rest) = begins(message, before) {
            let end = rest.iter().position(|b| !(b.is_ascii_digit() || *b == b'.'))?;
            let after = rest[end..].strip_prefix(unit.as_bytes())?;
            return Some((number(&rest[..end])?, after));
        }
    }
    None
}

/// Parses a number with or without a decimal point.
fn number(digits: &[u8]) -> Option<f64> {
    // The form that the server prints. Both operands are exact, so the division gives the nearest float.
    if let [whole @ .., b'.', a, b, c] = digits
        && (1..=12).contains(&whole.len())
    {
        let thousandths = whole
            .iter()
            .chain([a, b, c])
            .try_fold(0i64, |n, digit| digit.is_ascii_digit().then(|| n * 10 + i64::from(digit - b'0')))?;
        return Some(thousandths as f64 / 1e3);
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Splits a message that shows a statement into the text before the statement (`statement`, `execute NAME`) and the
/// statement.
pub fn statement(message: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(rest) = STATEMENTS.iter().find_map(|before| begins(message, before)) {
        return Some((b"statement", rest));
    }
    if !STEPS.iter().chain(FETCH).any(|step| begins(message, step).is_some()) {
        return None;
    }
    let at = memchr::memmem::find(message, b": ")?;
    Some((message[..at].trim_ascii_end(), &message[at + 2..]))
}

/// A step of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It was parsed, or its parameters were bound.
    Prepare,
    /// It ran.
    Execute,
    /// More of its rows were fetched.
    Fetch,
}

/// Returns the step that the text before a statement stands for: see [`statement`].
pub fn phase(what: &[u8]) -> Phase {
    if what == b"statement" {
        Phase::Execute
    } else if FETCH.iter().any(|word| begins(what, word).is_some()) {
        Phase::Fetch
    } else if EXECUTE.iter().any(|word| begins(what, word).is_some()) {
        Phase::Execute
    } else {
        Phase::Prepare
    }
}

/// Returns the parameter values, if the detail consists of them.
pub fn parameters(detail: &[u8]) -> Option<&[u8]> {
    PARAMETERS.iter().find_map(|before| begins(detail, before))
}

/// Returns a message without the character position at its end, which csvlog and jsonlog have in a column of its
/// own.
pub fn without_position(message: &[u8]) -> &[u8] {
    for (before, after) in POSITIONS {
        let Some(rest) = message.strip_suffix(after.as_bytes()) else { continue };
        let digits = rest.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        if digits > 0
            && let Some(text) = rest[..rest.len() - digits].strip_suffix(before.as_bytes())
            && !(before.trim().is_empty() && after.is_empty())
        {
            return text;
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_an_error_in_every_language_or_in_none() {
        for (i, (word, is)) in SEVERITIES.iter().enumerate() {
            let others = &SEVERITIES[i + 1..];
            assert!(others.iter().all(|(other, says)| other != word || says == is), "{word}");
            let text = format!("{word}:  message: text");
            let found = marker(text.as_bytes()).unwrap();
            assert_eq!(
                (found.word, found.len, &text[found.until_text..]),
                (*is, word.len(), "message: text")
            );
            assert_eq!(severity(word.as_bytes()), Some(*is));
        }
        for (part, is) in PARTS {
            let text = format!("{part}text");
            let found = marker(text.as_bytes()).unwrap();
            assert_eq!((found.word, &text[found.until_text..]), (*is, "text"), "{part}");
        }
        assert!(marker(b"LOGS:  x").is_none() && marker(b"LOG: x").is_none() && marker(b"").is_none());
        assert_eq!(unknown_marker("VIRHE:  x".as_bytes()).map(|m| m.until_text), Some(8));
        assert!(unknown_marker(b"Virhe:  x").is_none() && unknown_marker(b"X:  ").is_none());
    }

    #[test]
    fn a_message_is_taken_apart_in_every_language() {
        for (before, unit) in DURATIONS {
            let text = format!("{before}12.5{unit}");
            assert_eq!(duration(text.as_bytes()), Some((12.5, &b""[..])), "{text}");
        }
        for before in STATEMENTS {
            let text = format!("{before}SELECT 1: 2");
            let (what, sql) = statement(text.as_bytes()).unwrap();
            assert_eq!(sql, b"SELECT 1: 2", "{text}");
            assert_eq!(what, b"statement");
        }
        assert_eq!(sqlstate(b"42P01: no such table"), Some(&b"42P01"[..]));
        assert!([&b"WORDS: x"[..], b"1234: x", b"12345 x"].iter().all(|text| sqlstate(text).is_none()));
        assert_eq!(phase(b"statement"), Phase::Execute);
        assert_eq!(phase(b"execute fetch from c/p"), Phase::Fetch);
        assert!(EXECUTE.iter().all(|word| STEPS.contains(word)));
        for word in FETCH {
            let text = format!("{word}c/p: SELECT 1");
            let (what, sql) = statement(text.as_bytes()).unwrap();
            assert_eq!((phase(what), sql), (Phase::Fetch, &b"SELECT 1"[..]), "{text}");
        }
        for message in STATEMENTS.iter().skip(1).chain(OWN_WORK) {
            assert!(is_translated(message.as_bytes()), "{message}");
        }
        for message in ["statement: x", "duration: 5 ms", "process 7 acquired", "connection received: host=a"]
        {
            assert!(!is_translated(message.as_bytes()), "{message}");
        }
        for (step, is) in [
            ("execute <unnamed>", Phase::Execute),
            ("bind s1", Phase::Prepare),
            ("Parsen s1", Phase::Prepare),
            ("Binden s1", Phase::Prepare),
            ("wykonanie s1", Phase::Execute),
        ] {
            assert_eq!(phase(step.as_bytes()), is, "{step}");
        }
        for (before, after) in POSITIONS {
            let text = format!("no such table{before}15{after}");
            assert_eq!(without_position(text.as_bytes()), b"no such table", "{text}");
        }
        for whole in ["at character", "a 15", "character 15", "x at character 15 "] {
            assert_eq!(without_position(whole.as_bytes()), whole.as_bytes());
        }
    }
}
