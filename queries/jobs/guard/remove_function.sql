-- Removes the guard's function.
DROP FUNCTION IF EXISTS :"schema".pgkit_guard()
