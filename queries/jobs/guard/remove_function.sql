-- Takes the guard's function away.
DROP FUNCTION IF EXISTS :"schema".pgkit_guard()
