-- Lets the function see every claim that would replace another.
CREATE TRIGGER pgkit_guard
BEFORE UPDATE OF ongoing ON :"schema".crontabber
FOR EACH ROW
WHEN (OLD.ongoing IS NOT NULL AND NEW.ongoing IS NOT NULL AND NEW.ongoing IS DISTINCT FROM OLD.ongoing)
EXECUTE PROCEDURE :"schema".pgkit_guard()
