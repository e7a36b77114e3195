//! Versions of the file: numbered steps, a copy before each, and refusal of what a newer version wrote.

use rusqlite::{Connection, TransactionBehavior};

use super::database::Location;
use super::failure::StorageFailed;

/// `PRAGMA application_id` of a Caseplan database: "CpLn".
const APPLICATION_ID: i32 = 0x4370_4c6e;

/// The steps; step n makes version n + 1.
const STEPS: &[&str] = &[
    include_str!("../../sql/001_first.sql"),
    include_str!("../../sql/002_sync.sql"),
    include_str!("../../sql/003_blobs.sql"),
    include_str!("../../sql/004_peers.sql"),
];

/// The newest version.
pub const VERSION: u32 = STEPS.len() as u32;

/// The file's version.
pub fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings a file to the newest version, one step a transaction.
pub fn migrate(connection: &mut Connection, location: &Location) -> Result<(), StorageFailed> {
    let found = version(connection)?;
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if found == 0 && tables > 0 || found > 0 && application != APPLICATION_ID {
        return Err(StorageFailed::NotADatabase);
    }
    if found > VERSION {
        return Err(StorageFailed::NewerSchema { found, known: VERSION });
    }
    if found > 0 && found < VERSION {
        keep_a_copy(connection, location, found)?;
    }
    for (at, step) in STEPS.iter().enumerate().skip(found as usize) {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        tx.execute_batch(step)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", at as u32 + 1)?;
        tx.commit()?;
    }
    Ok(())
}

/// The file as it was before a migration, beside it: `<file>.v<version>`. An older copy of that name is replaced.
fn keep_a_copy(connection: &Connection, location: &Location, version: u32) -> Result<(), StorageFailed> {
    let Location::File(path) = location else { return Ok(()) };
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".v{version}"));
    let _ = std::fs::remove_file(&name);
    connection.execute("VACUUM INTO ?1", [name.to_string_lossy()])?;
    Ok(())
}

/// Removes the copies that migrations left beside a file.
pub fn forget_copies(location: &Location) {
    let Location::File(path) = location else { return };
    for version in 1..VERSION {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".v{version}"));
        let _ = std::fs::remove_file(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    fn migrated(connection: &mut Connection) -> Result<(), StorageFailed> {
        migrate(connection, &Location::Memory("test".to_owned()))
    }

    #[test]
    fn a_new_file_gets_the_newest_version_once() {
        let mut connection = memory();
        migrated(&mut connection).unwrap();
        migrated(&mut connection).unwrap();
        assert_eq!(version(&connection).unwrap(), VERSION);
    }

    #[test]
    fn somebody_elses_database_is_not_touched() {
        let mut connection = memory();
        connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert_eq!(migrated(&mut connection), Err(StorageFailed::NotADatabase));
        connection.execute_batch("PRAGMA user_version = 1").unwrap();
        assert_eq!(migrated(&mut connection), Err(StorageFailed::NotADatabase));
    }

    #[test]
    fn a_newer_version_is_refused() {
        let mut connection = memory();
        migrated(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        let newer = StorageFailed::NewerSchema { found: VERSION + 1, known: VERSION };
        assert_eq!(migrated(&mut connection), Err(newer));
    }

    #[test]
    fn a_file_of_version_1_keeps_its_records_and_has_the_newest_tables() {
        let mut old = memory();
        old.execute_batch(STEPS[0]).unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.execute_batch(
            "INSERT INTO authority_record (issuer, number, bytes, received_at)
             VALUES (x'01', 2, x'0a', 5), (x'01', 1, x'0b', 5)",
        )
        .unwrap();
        migrated(&mut old).unwrap();
        let mut fresh = memory();
        migrated(&mut fresh).unwrap();
        let tables = |connection: &Connection| -> Vec<String> {
            let mut statement = connection
                .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
                .unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(tables(&old), tables(&fresh));
        let mut statement = old.prepare("SELECT bytes FROM domain_record ORDER BY id").unwrap();
        let kept: Vec<Vec<u8>> =
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(kept, [[10], [11]]);
    }

    #[test]
    fn every_table_is_strict_and_says_what_it_is_for() {
        for step in STEPS {
            for table in step.split("CREATE TABLE").skip(1) {
                let body = table.split(';').next().unwrap();
                assert!(body.contains("--"), "no comment in {}", body.lines().next().unwrap());
                assert!(
                    table.split_once(") STRICT;").is_some(),
                    "not strict: {}",
                    body.lines().next().unwrap()
                );
            }
        }
    }
}
