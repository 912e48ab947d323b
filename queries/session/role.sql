-- The role that this session works as, if it is not the one that connected; else NULL.
SELECT CASE WHEN CURRENT_USER <> SESSION_USER THEN CURRENT_USER::text END AS role
